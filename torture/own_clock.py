"""A time of day of its own for the processes of a round, which can be set while they run."""

import shutil
import subprocess
from pathlib import Path
from struct import pack, unpack

SOURCE = Path(__file__).with_name("clock.c")
COMPILER = shutil.which("cc")
SECONDS = "=q"
"""The file with the shift: seconds as a signed integer of 64 bits."""


class OwnClock:
    """A clock that is shifted by seconds against that of the machine."""

    def __init__(self, folder: Path) -> None:
        """Compile the library into the folder; the clock is not shifted yet."""
        self._library, self._shift = folder / "clock.so", folder / "clock"
        command = [str(COMPILER), "-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True)
        self._shift.write_bytes(pack(SECONDS, 0))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that give a command this clock."""
        return {"LD_PRELOAD": str(self._library), "TORTURE_CLOCK": str(self._shift)}

    def set_back(self, seconds: int) -> None:
        """Set the clock back, also for commands that run."""
        (shift,) = unpack(SECONDS, self._shift.read_bytes())
        # In place, because processes have mapped the file.
        with self._shift.open("r+b") as stream:
            stream.write(pack(SECONDS, shift - seconds))
