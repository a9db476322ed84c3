"""Keeps secrets out of answers."""

import re
from typing import Final

REDACTED: Final = "[REDACTED]"

_CLAIM_TOKEN = re.compile(r"agh_claim_[A-Za-z0-9_-]+")
_AUTHORIZATION = re.compile(r"(?i)\b((?:proxy-)?authorization\s*[:=]\s*)[^\r\n,;]+")
_BEARER = re.compile(r"(?i)\b(bearer\s+)[^\s,;\"']+")
_SENSITIVE: Final = (
    r"(?:api|access|refresh|mcp[_-]?auth|claim|lease|bot|oauth[_-]?client|client|webhook)"
    r"[_-]?(?:key|token|secret)"
    r"|(?:oauth|authorization)[_-]?code|(?:code|pkce)[_-]?verifier|secret[_-]?binding"
    r"|token|secret|password|authorization"
)
_ASSIGNMENT = re.compile(
    rf"(?i)(?<![\w-])([\"']?(?:{_SENSITIVE})[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;]+)"
)


def redact(text: str) -> str:
    """`text` without claim tokens, credentials and values that are assigned to secret names."""
    text = _CLAIM_TOKEN.sub(f"agh_claim_{REDACTED}", text)
    text = _AUTHORIZATION.sub(rf"\1{REDACTED}", text)
    text = _BEARER.sub(rf"\1{REDACTED}", text)
    return _ASSIGNMENT.sub(rf"\1{REDACTED}", text)
