"""plan, render, verify, report and catalog on tiny characters, as a person types them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmdgen.cast import make_character, write_character
from mmdgen.cli.main import cli
from mmdgen.dataset.shard import published_shards
from mmdgen.errors import RenderError
from tests.generate.conftest import write_tiny_dataset

TOML = """
[dataset]
name = "tiny"
out = "out"
size_px = 32
samples_per_pixel = 1
shard_size = 8

[models]
folders = ["models"]
look_alikes = false

[annotations]
folder = "annotations"

[splits.train]
samples = 20
groups = ["tiny-[012]"]

[splits.test]
samples = 4
groups = ["tiny-3"]
"""


@dataclass(frozen=True)
class Workplace:
    """A folder with mmdgen.toml, models and annotations."""

    folder: Path

    def type(self, command: str, *arguments: object) -> Result:
        """Run a command with this folder's configuration and one worker."""
        words = [command, *map(str, arguments)]
        words += (
            ["--config", str(self.folder / "mmdgen.toml")] if command in ("plan", "render", "verify") else []
        )
        words += ["--workers", "1"] if command != "report" else []
        return CliRunner().invoke(cli, words)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, renderer: object) -> Workplace:
    folder = tmp_path_factory.mktemp("workplace")
    write_tiny_dataset(folder, 4)
    (folder / "models" / "tiny-0" / "broken.pmx").write_bytes(b"PMX ")
    (folder / "mmdgen.toml").write_text(TOML, encoding="utf-8")
    return Workplace(folder)


@pytest.fixture(scope="module")
def rendered(workplace: Workplace) -> Workplace:
    result = workplace.type("render")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "not used: tiny-0/broken.pmx: header, byte 0x4: needs 4 bytes, 0 left" in lines
    assert any(line.startswith("train: 20 of 20 samples, 20 rendered now, ") for line in lines)
    assert any(line.startswith("test: 4 of 4 samples, 4 rendered now, ") for line in lines)
    return workplace


def test_plan_says_what_would_be_made_and_makes_nothing(workplace: Workplace, tmp_path: Path) -> None:
    result = workplace.type("plan", "--out", tmp_path / "other", "--json")
    facts = json.loads(result.stdout)
    assert [(fact["split"], fact["samples"], fact["models"]) for fact in facts] == [
        ("train", 20, 3),
        ("test", 4, 1),
    ]
    assert all(fact["shards_there"] == 0 and fact["bytes"] > 0 for fact in facts)
    assert not list(tmp_path.rglob("*.tar"))
    assert "train: 20 samples of 3 models in 3 groups" in workplace.type("plan").stdout


def test_plan_is_frozen_unless_it_is_a_dry_run(workplace: Workplace, tmp_path: Path) -> None:
    out = tmp_path / "other"
    dry = workplace.type("plan", "--dry-run", "--out", out, "--json")
    assert not list(out.rglob("plan.json"))
    facts = json.loads(workplace.type("plan", "--out", out, "--json").stdout)
    plan = json.loads((out / "train" / "plan.json").read_text(encoding="utf-8"))
    assert plan["fingerprint"] == facts[0]["fingerprint"] == json.loads(dry.stdout)[0]["fingerprint"]


def test_where_there_is_no_opengl_a_plan_is_made_all_the_same(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(settings: object) -> None:
        raise RenderError("there is no OpenGL here")

    monkeypatch.setattr("mmdgen.cli.plan.Renderer", none)
    result = workplace.type("plan", "--out", tmp_path / "other")
    assert result.exit_code == 0
    assert "how long it will take is not known here: there is no OpenGL here" in result.stderr
    assert "(0 there), about 0 MB, fingerprint" in result.stdout
    assert (tmp_path / "other" / "train" / "plan.json").is_file()


def test_a_plan_tells_what_rendering_will_cost(rendered: Workplace) -> None:
    """By a few samples that are rendered for it: bytes come near those of the shards."""
    facts = json.loads(rendered.type("plan", "--dry-run", "--json").stdout)
    assert [fact["workers"] for fact in facts] == [1, 1]
    assert all(fact["seconds"] > 0 and fact["probed"] > 0 for fact in facts)
    size = sum(path.stat().st_size for path in (rendered.folder / "out" / "train").glob("*.tar"))
    assert facts[0]["bytes"] == pytest.approx(size, rel=0.35)  # shards end in empty blocks
    text = rendered.type("plan", "--dry-run").stdout.splitlines()[0]
    assert "3 shards (3 there), about 0 MB and 0 min 0" in text


def test_dry_run_makes_nothing(workplace: Workplace, tmp_path: Path) -> None:
    result = workplace.type("render", "--dry-run", "--out", tmp_path / "other")
    assert result.exit_code == 0
    assert result.stdout.startswith("train: 20 samples of 3 models in 3 groups, 3 shards (0 there)")
    facts = workplace.type("render", "--dry-run", "--out", tmp_path / "other", "--json")
    assert json.loads(facts.stdout)[0]["split"] == "train"
    assert workplace.type("plan", "--dry-run", "--out", tmp_path / "other").exit_code == 0
    assert not (tmp_path / "other").exists()


def test_a_second_render_says_that_nothing_was_to_do(rendered: Workplace) -> None:
    result = rendered.type("render", "--split", "train")
    assert result.exit_code == 0
    assert "train: 20 of 20 samples, 0 rendered now\n" in result.output


def test_shards_can_be_chosen(workplace: Workplace, tmp_path: Path) -> None:
    out = tmp_path / "part"
    result = workplace.type("render", "--split", "train", "--shards", "1:2", "--out", out)
    assert result.exit_code == 0, result.output
    assert [shard.name for shard, _ in published_shards(out / "train")] == ["train-000001.tar"]
    assert workplace.type("render", "--shards", "one").exit_code == 2


def test_verify_finds_a_rendered_set_sound(rendered: Workplace) -> None:
    result = rendered.type("verify", rendered.folder / "out", "--samples", "6")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("out: sound, 6 samples rendered again\n")


def test_verify_leaves_the_logging_of_its_process_alone(rendered: Workplace) -> None:
    logger = logging.getLogger("mmdgen")
    before = logger.level, logger.propagate, list(logger.handlers)
    rendered.type("verify", rendered.folder / "out", "--samples", "1")
    assert (logger.level, logger.propagate, logger.handlers) == before


def test_verify_names_what_is_wrong_and_exits_1(rendered: Workplace) -> None:
    shard, rows = next(published_shards(rendered.folder / "out" / "test"))
    whole = shard.read_bytes()
    place = rows[0]["members"]["rest.png"]["offset"] + 40
    shard.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    try:
        result = rendered.type("verify", rendered.folder / "out", "--json")
    finally:
        shard.write_bytes(whole)
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)
    assert finding["where"] == f"test-000000.tar {rows[0]['key']}"


def test_the_report_is_one_page_that_needs_nothing_else(rendered: Workplace, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = rendered.type("report", rendered.folder / "out", "--out", out)
    assert result.stdout == f"{out}\n"
    page = out.read_text(encoding="utf-8")
    assert "http" not in page
    assert page.count("<svg") >= 12  # six histograms for each of two splits
    assert page.count('alt="posed"') == 12 + 4
    assert "小人0" in page
    assert "tiny-0/broken.pmx" in page
    assert "needs 4 bytes, 0 left" in page
    assert "samples/s" in page


def test_the_card_and_the_manifest_stand_beside(rendered: Workplace) -> None:
    out = rendered.folder / "out"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\npretty_name: ")
    assert "  - split: train\n    path: train/*.tar" in card
    manifest = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
    assert manifest["splits"]["train"]["samples"] == 20
    assert manifest["drivers"]
    assert (out / "report" / "index.html").is_file()


def test_catalog_lists_what_is_usable_and_why_not(workplace: Workplace, tmp_path: Path) -> None:
    options = ["--records", tmp_path / "records", "--annotations", workplace.folder / "annotations"]
    options += ["--no-looks"]
    result = workplace.type("catalog", workplace.folder / "models", "--out", tmp_path / "m.jsonl", *options)
    assert result.exit_code == 0, result.output
    assert "4 of 5 models are usable, in 4 groups" in result.output
    rows = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["file"] for row in rows if not row["is_usable"]] == ["tiny-0/broken.pmx"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("size_px", "size"), "[dataset] has no setting 'size'; did you mean 'size_px'?"),
        (
            ('["models"]', '["nowhere"]'),
            "is no folder; check the path, or [models] folders in the configuration",
        ),
        (('["tiny-3"]', '["tony"]'), "no model falls into [splits.test]"),
        (("samples = 20", "samples = 0"), "[splits.train] samples is 0; expected a whole number from 1"),
    ],
)
def test_bad_configuration_is_one_sentence(
    workplace: Workplace, tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    for name in ("models", "annotations"):
        (tmp_path / name).symlink_to(workplace.folder / name)
    (tmp_path / "mmdgen.toml").write_text(TOML.replace(*change), encoding="utf-8")
    result = Workplace(tmp_path).type("render", "--dry-run", "--split", "test")
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_a_configuration_the_way_to_one_is_said(tmp_path: Path) -> None:
    result = Workplace(tmp_path).type("render")
    assert result.exit_code == 1
    assert "mmdgen.toml: no such file" in result.stderr


def test_a_range_that_holds_no_shard_is_wrong_usage() -> None:
    result = CliRunner().invoke(cli, ["render", "--shards", "5:2"])
    assert result.exit_code == 2
    assert "'5:2' holds no shard" in result.stderr


def test_textures_that_pictures_lack_are_said_on_every_run(tmp_path: Path, renderer: object) -> None:
    folder = write_character(make_character(0), tmp_path / "models" / "one").parent
    (folder / "face.png").write_bytes(b"no picture")
    (folder / "hair.png").unlink()
    (tmp_path / "mmdgen.toml").write_text(
        '[dataset]\nsize_px = 32\nsamples_per_pixel = 1\n[models]\nfolders = ["models"]\n'
        "look_alikes = false\nmax_missing_texture = 1.0\n"
        '[splits.train]\nsamples = 2\ngroups = ["*"]\n',
        encoding="utf-8",
    )
    for _ in range(2):
        result = Workplace(tmp_path).type("render")
        assert result.exit_code == 0, result.output
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("warning: ")]
        assert "texture face.png is no picture of a known kind; drawn untextured" in line
        assert "texture hair.png is missing; drawn untextured" in line


def test_a_seed_that_no_table_holds_is_wrong_usage() -> None:
    result = CliRunner().invoke(cli, ["render", "--seed", str(2**63)])
    assert result.exit_code == 2
    assert "is not in the range" in result.stderr


def test_the_home_folder_is_meant_by_a_tilde_in_every_place_of_the_catalogue(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("models", "annotations"):
        (tmp_path / name).symlink_to(workplace.folder / name)
    places = ["--out", "~/list.jsonl", "--records", "~/records", "--annotations", "~/annotations"]
    result = workplace.type("catalog", "~/models", *places, "--no-looks")
    assert "4 of 5 models are usable" in result.output
    assert (tmp_path / "list.jsonl").is_file()
    assert not (tmp_path / "~").exists()


def test_an_address_without_ray_is_wrong_usage(workplace: Workplace) -> None:
    result = workplace.type("render", "--address", "auto")
    assert result.exit_code == 2
    assert "--address names a Ray cluster: add --engine ray" in result.stderr
