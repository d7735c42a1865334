"""docker-compose.yml against the settings: every name it sets is read, every secret is a file, nothing runs as root."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
OURS = ("migrate", "web", "worker", "ticker")
SECRETS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FIELD_KEY", "INDEX_KEY", "AUDIT_KEY")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def names_read(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names the settings and the web server's configuration ask the environment for, in a process of their own."""
    code = "import django; django.setup(); import config.web; from config import environment; print(*environment.NAMES)"
    clean = {"PATH": os.environ["PATH"], "PORTAL_VAR_DIR": str(tmp_path_factory.mktemp("var"))}
    clean["DJANGO_SETTINGS_MODULE"] = "config.settings.base"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("service", OURS)
def test_every_name_that_compose_sets_is_one_the_settings_read(
    service: str, compose: dict[str, Any], names_read: set[str]
) -> None:
    names = {name.removesuffix("_FILE") for name in compose["services"][service]["environment"]}
    assert names - names_read == set()
    assert set(SECRETS) <= names


def test_every_name_that_the_image_sets_is_read(names_read: set[str]) -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    names = {name for line in re.findall(r"^ENV (.+)$", text, re.M) for name in re.findall(r"([A-Z_]+)=", line)}
    assert names - names_read == {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert {"PORTAL_VAR_DIR", "STATIC_DIR"} <= names


@pytest.mark.parametrize("service", OURS)
def test_secrets_come_as_files_that_are_mounted(service: str, compose: dict[str, Any]) -> None:
    block = compose["services"][service]
    for name in SECRETS:
        assert name not in block["environment"], f"{name} stands in the open"
        path = block["environment"][f"{name}_FILE"]
        assert path.startswith("/run/secrets/")
        assert path.removeprefix("/run/secrets/") in block["secrets"]
    assert set(block["secrets"]) <= set(compose["secrets"])
    assert all(entry["file"].startswith("./secrets/") for entry in compose["secrets"].values())


def test_every_secret_is_made_or_asked_for_by_the_script(compose: dict[str, Any]) -> None:
    script = (ROOT / "config/deploy/make-secrets.sh").read_text(encoding="utf-8")
    assert {name for name in compose["secrets"] if not re.search(rf"\b{name}\b", script)} == set()


def test_no_service_runs_as_root_and_each_that_stays_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, block in compose["services"].items():
        user = str(block.get("user", "0")).split(":")[0]
        assert user.isdigit(), name
        assert int(user) > 0, name
        assert "no-new-privileges:true" in block["security_opt"], name
        if name != "migrate":
            assert block["healthcheck"]["test"], name
            assert block["restart"] == "unless-stopped", name


def test_web_and_worker_scale_by_replicas(compose: dict[str, Any]) -> None:
    for name in ("web", "worker", "ticker"):
        block = compose["services"][name]
        assert "container_name" not in block
        assert "ports" not in block
    assert list(compose["services"]["nginx"]["ports"])
    assert compose["networks"]["inside"]["internal"] is True


def test_the_working_role_is_not_the_owner_of_the_tables(compose: dict[str, Any]) -> None:
    files = {name: compose["services"][name]["environment"]["DATABASE_URL_FILE"] for name in OURS}
    assert files.pop("migrate") == "/run/secrets/database_owner_url"
    assert set(files.values()) == {"/run/secrets/database_url"}
    assert "grant_app_role portal_app" in " ".join(compose["services"]["migrate"]["command"])


def test_files_that_compose_and_the_image_mount_or_copy_exist(compose: dict[str, Any]) -> None:
    mounted = [
        volume.split(":")[0]
        for block in compose["services"].values()
        for volume in block.get("volumes", [])
        if volume.startswith("./")
    ]
    copied = re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    assert mounted
    assert copied
    assert [path for path in mounted + copied if not (ROOT / path).exists()] == []


def test_the_settings_read_a_secret_from_the_file_that_its_name_names(tmp_path: Path) -> None:
    key = tmp_path / "secret_key"
    key.write_text("a-key-of-more-than-thirty-two-characters\n", encoding="utf-8")
    code = "from config.settings import base; print(base.SECRET_KEY)"
    env = {"PATH": os.environ["PATH"], "PORTAL_VAR_DIR": str(tmp_path), "SECRET_KEY_FILE": str(key)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "a-key-of-more-than-thirty-two-characters"
