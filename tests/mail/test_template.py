"""Templates: filled once, in a sandbox, in the section's language, the site's own before ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crmcli.errors import BadConfig
from crmcli.mail import template

SAID = {"subject": "Pump", "case_id": "7", "section": "Support", "token": "c7-1-x", "text": "{{ case_id }} {% for %}"}


@pytest.fixture(name="site")
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a site's own templates."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "crm" / "templates" / "mail"
    folder.mkdir(parents=True)
    return folder


def test_values_are_never_read_as_templates(site: Path) -> None:
    """What a mail says stays what it says, with and without Jinja2."""
    (site / "rule.txt.j2").write_text("{{ text }}\n")
    assert template.render("rule", None, SAID) == "{{ case_id }} {% for %}\n"
    (site / "rule.txt.j2").write_text("{% if text %}{{ text }}{% endif %}!\n")
    assert template.render("rule", None, SAID) == "{{ case_id }} {% for %}!\n"


def test_shipped_templates_do_not_load_jinja2() -> None:
    """Plain names are filled here: start-up is what a mail costs."""
    code = (
        "import sys; from crmcli.mail import template; import collections;"
        f"[template.render(name, None, collections.defaultdict(str, {SAID!r})) for name in sys.argv[1:]];"
        "sys.exit('jinja2' in sys.modules)"
    )
    names = [name.partition(".")[0] for name in os.listdir(os.path.dirname(template.find("thanks", None)))]
    assert {"thanks", "forward", "copy", "reply", "note", "heard", "remind", "remind_partner", "rule", "alert"} == set(names)
    assert subprocess.run([sys.executable, "-c", code, *names], check=False).returncode == 0


def test_the_language_of_the_section_is_taken_where_there_is_one(site: Path) -> None:
    """German ships; others fall back; the site's own wins in every language."""
    assert "Freundliche Grüße" in template.render("thanks", "de", SAID)
    assert "Freundliche Grüße" in template.render("thanks", "DE", SAID)
    assert "Kind regards" in template.render("thanks", "fr", SAID)
    assert "Kind regards" in template.render("thanks", "../../x", SAID)
    (site / "thanks.txt.j2").write_text("Ours for {{ subject }}.")
    assert template.render("thanks", "de", SAID) == template.render("thanks", None, SAID) == "Ours for Pump."


def test_an_unknown_name_is_told_with_the_known_ones(site: Path) -> None:
    """In plain templates and in Jinja2 alike."""
    for source in ("Dear {{ nobody }}", "{% if True %}{{ nobody }}{% endif %}"):
        (site / "thanks.txt.j2").write_text(source)
        with pytest.raises(BadConfig) as told:
            template.render("thanks", None, SAID)
        assert "nobody" in told.value.message
        assert "subject" in told.value.hint


@pytest.mark.parametrize(
    "source",
    [
        "{{ subject.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ self._TemplateReference__context }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ 1 / 0 }}",
        "{% for %}",
        "{{ range(10000000) | list }}",
        "{% set x = subject.append(1) %}",
        "{{ '%s' | format }}",
        "{{ lipsum.__globals__ }}",
    ],
)
def test_the_sandbox_keeps_a_template_from_everything_but_its_values(site: Path, source: str) -> None:
    """No attributes of Python, no files, no failure that is not explained."""
    (site / "thanks.txt.j2").write_text("{# own #}" + source)
    try:
        text = template.render("thanks", None, SAID)
    except BadConfig:
        return
    assert "os" not in text
    assert "root:" not in text
    assert "class" not in text


def test_a_template_makes_a_megabyte_at_most(site: Path) -> None:
    """A loop ends, and a long text is cut rather than lost with its mail."""
    (site / "thanks.txt.j2").write_text(
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ subject }}{% endfor %}{% endfor %}"
    )
    assert len(template.render("thanks", None, SAID)) == 1_000_000
    (site / "thanks.txt.j2").write_text("{{ text }}")
    assert template.render("thanks", None, {**SAID, "text": "x" * 1_000_001}) == "x" * 1_000_000
