"""From which code a result came."""

import subprocess
from importlib.metadata import version

CODE = ("pipeline", "conf", "dvc.yaml", "requirements.lock")
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "mlflow", "dvc", "hydra-core")


def commit() -> str:
    """The commit that is checked out, or `none` outside a repository."""
    return _git("rev-parse", "HEAD") or "none"


def dirty() -> bool:
    """Whether code or configuration differ from that commit; results, which every run writes anew, do not count."""
    return bool(_git("status", "--porcelain", "--", *CODE))


def versions() -> dict[str, str]:
    """Installed versions of the packages that shape a result."""
    return {name: version(name) for name in PACKAGES}


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
