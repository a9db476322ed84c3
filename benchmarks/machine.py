"""The machine and what runs on it, which belong beside figures."""

import os
import platform
import subprocess
from pathlib import Path
from typing import final

from attrs import frozen


@final
@frozen
class Machine:
    """Args: filesystem: of the directory that the data is in."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    filesystem: str
    python: str

    def __str__(self) -> str:
        return (
            f"{self.cpu}, {self.cores} cores, {self.memory_gib:.0f} GiB; {self.kernel}; "
            f"{self.filesystem}; {self.python}"
        )


def machine(directory: Path) -> Machine:
    """This one. Args: directory: where the data will be."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        memory_gib=memory / 2**30,
        kernel=f"{platform.system()} {platform.release()}",
        filesystem=_filesystem(directory),
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _filesystem(directory: Path) -> str:
    line = ["df", "--output=fstype,source", str(directory)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[-1].strip() if done.returncode == 0 else "unknown filesystem"
