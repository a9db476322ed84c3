// What a person has chosen for this browser.

const get = (name, fallback) => {
  try { return localStorage.getItem(`chargehand.${name}`) ?? fallback; } catch { return fallback; }
};
const set = (name, value) => {
  try { localStorage.setItem(`chargehand.${name}`, value); } catch { /* private windows may refuse */ }
};

export const prefs = { theme: get('theme', 'system'), zone: get('zone', 'local') };

export function applyTheme() {
  const root = document.documentElement;
  if (prefs.theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = prefs.theme;
}

export function setTheme(theme) {
  prefs.theme = theme;
  set('theme', theme);
  applyTheme();
}

export function setZone(zone) {
  prefs.zone = zone;
  set('zone', zone);
}
