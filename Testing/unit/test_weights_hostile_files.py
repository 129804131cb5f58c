"""Files that are given for a checkpoint and are none: each gets one sentence, none is loaded, nothing is left."""

import os
import pickle
import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.errors import InputError  # noqa: E402
from LDCTDenoiseLib.weights import checkpoint_file, checkpoint_pickle, import_checkpoint, store, user_folder  # noqa: E402
from weights_factory import a_checkpoint, a_shipped_folder, a_state  # noqa: E402


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "SHIPPED", a_shipped_folder(tmp_path / "shipped"))
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path / "home"))


@pytest.fixture
def checkpoint(tmp_path):
    return a_checkpoint(tmp_path / "fine.pth", a_state(), list(a_state(1).values()))


def refused(path) -> str:
    with pytest.raises(InputError) as caught:
        import_checkpoint(path, "fine")
    assert not user_folder().exists()
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 400
    return sentence


def written(tmp_path, content: bytes) -> Path:
    path = tmp_path / "fine.pth"
    path.write_bytes(content)
    return path


class Hostile:
    """Unpickled by a careless program, it makes a file."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


class Greedy:
    """Unpickled, it would take a terabyte."""

    def __reduce__(self):
        return bytearray, (10**12,)


@pytest.mark.parametrize("where", ["model", "extra_state", "ema"])
@pytest.mark.parametrize("new_format", [True, False])
def test_code_in_a_checkpoint_is_not_run(tmp_path, where, new_format):
    target = tmp_path / "was here"
    content = {"model": a_state(), "extra_state": {}, where: Hostile(target)}
    torch.save(content, tmp_path / "fine.pth", _use_new_zipfile_serialization=new_format)
    assert "contains code" in refused(tmp_path / "fine.pth")
    assert not target.exists()
    pickle.loads(pickle.dumps(Hostile(target)))
    assert target.exists(), "the trap works: a careless reader would have made the folder"


def test_code_in_a_bare_pickle_is_not_run(tmp_path):
    target = tmp_path / "was here"
    refused(written(tmp_path, pickle.dumps({"model": Hostile(target)}, protocol=2)))
    assert not target.exists()


@pytest.mark.parametrize("new_format", [True, False])
def test_a_few_bytes_that_ask_for_all_memory_get_none(tmp_path, new_format):
    """PyTorch's restricted loader makes a bytearray of any length."""
    content = {"model": a_state(), "extra_state": Greedy()}
    torch.save(content, tmp_path / "fine.pth", _use_new_zipfile_serialization=new_format)
    assert "objects other than tensors" in refused(tmp_path / "fine.pth")


def test_a_text_longer_than_any_memory_is_damage(tmp_path):
    assert "damaged" in refused(written(tmp_path, b"\x80\x02}(X\xff\xff\xff\xffmodel"))


def test_a_pickle_of_endless_steps_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_pickle, "_MOST_STEPS", 1000)
    content = pickle.dumps({"model": [[]] * 2000}, protocol=2)
    assert "objects other than tensors" in refused(written(tmp_path, content))


def test_a_checkpoint_that_is_cut_off_is_damaged(checkpoint, tmp_path):
    data = checkpoint.read_bytes()
    for length in (5, 100, 1000, len(data) // 2, len(data) - 200, len(data) - 1):
        assert "damaged or was not downloaded to its end" in refused(written(tmp_path, data[:length])), length


def test_an_old_checkpoint_that_is_cut_off_is_damaged(tmp_path):
    torch.save({"model": a_state()}, tmp_path / "fine.pth", _use_new_zipfile_serialization=False)
    data = (tmp_path / "fine.pth").read_bytes()
    for length in (2, 30, 100, 1000, len(data) // 2, len(data) - 1):
        assert "was not" in refused(written(tmp_path, data[:length])), length


def test_one_changed_bit_in_the_weights_is_found(checkpoint, tmp_path):
    data = bytearray(checkpoint.read_bytes())
    with zipfile.ZipFile(checkpoint) as archive:
        record = max(archive.infolist(), key=lambda r: r.file_size)
    data[record.header_offset + record.file_size // 2 + 200] ^= 1
    assert "damaged" in refused(written(tmp_path, bytes(data)))


def test_a_web_page_of_google_drive_is_explained(tmp_path):
    page = b"\n<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head></html>"
    sentence = refused(written(tmp_path, page))
    assert "web page" in sentence and "virus scan" in sentence and "confirm the download" in sentence


def test_another_web_page_is_a_web_page(tmp_path):
    assert "web page" in refused(written(tmp_path, b"<html><body>Not found</body></html>"))


def test_a_git_lfs_pointer_is_explained(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 109256068\n"
    assert "git lfs pull" in refused(written(tmp_path, pointer))


@pytest.mark.parametrize("content", [b"These are not weights.", b"\x00" * 5000, b"P", b"\x80", b"PK\x03\x04"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    assert "fine.pth is" in refused(written(tmp_path, content))


def test_an_empty_file_is_empty(tmp_path):
    assert "is empty" in refused(written(tmp_path, b""))


def test_a_folder_is_a_folder(tmp_path):
    assert "is a folder" in refused(tmp_path)


def test_a_file_that_is_not_there_does_not_exist(tmp_path):
    assert "does not exist" in refused(tmp_path / "fine.pth")


def test_an_archive_around_the_checkpoint_is_to_be_unpacked(checkpoint, tmp_path):
    with zipfile.ZipFile(tmp_path / "drive-download.zip", "w") as archive:
        archive.write(checkpoint, "weights/fine.pth")
    assert "unpack it and import fine.pth" in refused(tmp_path / "drive-download.zip")


def test_an_archive_of_other_things_is_no_checkpoint(tmp_path):
    with zipfile.ZipFile(tmp_path / "fine.pth", "w") as archive:
        archive.writestr("letter.txt", "Dear user")
    assert "is a ZIP archive and no checkpoint" in refused(tmp_path / "fine.pth")


def test_a_zip_bomb_is_not_unpacked(checkpoint, tmp_path):
    bomb = tmp_path / "bomb.pth"
    with zipfile.ZipFile(checkpoint) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in source.infolist():
            archive.writestr(record.filename, source.read(record))
        with archive.open("fine/data/9999", "w") as member:
            for _ in range(50):
                member.write(bytes(1 << 20))
    assert bomb.stat().st_size < 2e6
    assert "compressed or overlap" in refused(bomb)


def test_records_that_overlap_are_not_loaded(checkpoint, tmp_path):
    """The other kind of bomb: nothing is compressed, but many entries of the index point to the same bytes."""
    data = checkpoint.read_bytes()
    with zipfile.ZipFile(checkpoint, "a") as archive:
        record = max(archive.filelist, key=lambda r: r.file_size)
        archive.filelist.extend([record] * 200)
        archive._didModify = True
    assert checkpoint.stat().st_size < 2 * len(data)
    assert "compressed or overlap" in refused(checkpoint)


def test_a_file_beyond_all_sizes_is_not_opened(checkpoint, monkeypatch):
    monkeypatch.setattr(checkpoint_file, "MAX_BYTES", 1000)
    assert "larger than" in refused(checkpoint)


def test_a_small_file_that_claims_a_huge_tensor_is_refused(tmp_path):
    """A tensor with stride 0 takes four bytes in the file and could take all memory outside."""
    state = a_state()
    state["out.2.weight"] = torch.zeros(1).expand(10**6, 10**6)
    assert "out.2.weight is 1000000×1000000 and not" in refused(a_checkpoint(tmp_path / "fine.pth", state))


def test_a_script_module_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "fine.pth", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "version"):
            archive.writestr(f"fine/{name}", b"\x80\x02}q\x00.")
    assert "was not" in refused(tmp_path / "fine.pth")


def test_a_file_that_may_not_be_read_is_one_sentence(checkpoint, monkeypatch):
    def forbidden(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    assert "could not be read (Permission denied)" in refused(checkpoint)
