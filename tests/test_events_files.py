"""Recordings read from files: each format written here by its specification, and damaged ones."""

import copy
import io
import pickle
import struct
import sys

import numpy as np
import pytest
from golden import load

from grilly_vk.data import DataLoader, pad_sequences, stack
from grilly_vk.data.events import EVENT, SHD, EventFolder, Frames, make_events, read

GOLDEN, _ = load("events")


def random(n, width, height, span=1 << 20, seed=0):
    rng = np.random.default_rng([seed, n])
    fields = rng.integers(0, width, n), rng.integers(0, height, n), np.sort(rng.integers(0, span, n))
    return make_events(*fields, rng.integers(0, 2, n))


def words(*columns, order="<"):
    return np.stack(columns, 1).astype(f"{order}u4").tobytes()


def dat(events, version=2, kind=12, text=None):
    e = {name: events[name].astype(np.int64) for name in "xytp"}
    if version == 2:
        packed = e["x"] | e["y"] << 14 | e["p"] << 28
    else:
        packed = e["x"] | e["y"] << 9 | e["p"] << 17
    lines = text if text is not None else f"% Data file containing CD events.\n% Version {version}\n% Height 240\n"
    return lines.encode() + (bytes([kind, 8]) if lines else b"") + words(e["t"], packed)


def nmnist(events):
    e = {name: events[name].astype(np.int64) for name in "xytp"}
    columns = e["x"], e["y"], e["p"] << 7 | e["t"] >> 16, e["t"] >> 8 & 255, e["t"] & 255
    return np.stack(columns, 1).astype(np.uint8).tobytes()


def aedat2(events, chip="", extra=()):
    e = {name: events[name].astype(np.int64) for name in "xytp"}
    davis = "Davis" in chip
    address = e["y"] << 22 | e["x"] << 12 | e["p"] << 11 if davis else e["y"] << 8 | e["x"] << 1 | e["p"]
    head = b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n" + (f"# AEChip: {chip}\r\n".encode() if chip else b"")
    others = b"".join(struct.pack(">II", a, 5) for a in extra)
    return head + words(address, e["t"], order=">") + others


def aedat3(packets, size=8):
    out = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: DAVIS240C\r\n#!END-HEADER\r\n"
    for kind, events, valid, overflow in packets:
        e = {name: events[name].astype(np.int64) for name in "xytp"}
        out += struct.pack("<hhiiiiii", kind, 0, size, 4, overflow, len(events), len(events), int(valid.sum()))
        out += words(e["x"] << 17 | e["y"] << 2 | e["p"] << 1 | valid, e["t"])
    return out


def flat(kind, fields, vector=b""):
    """A FlatBuffer with its size: a table whose fields are (form, value), or a vector that follows it."""
    table, offsets, at = b"", [], 4
    for form, value in fields:
        offsets.append(at)
        table += struct.pack(form, value)
        at += struct.calcsize(form)
    vtable = struct.pack(f"<HH{len(offsets)}H", 4 + 2 * len(offsets), at, *offsets)
    vtable += b"\0" * (-len(vtable) % 4)
    begin = 8 + len(vtable)
    body = struct.pack("<I", begin) + kind + vtable + struct.pack("<i", len(vtable)) + table + vector
    return struct.pack("<I", len(body)) + body


def aedat4(packets, compression=0, pack=bytes, table=-1):
    head = flat(b"IOHE", [("<i", compression), ("<q", table)])
    out = b"#!AER-DAT4.0\r\n" + head
    for stream, kind, events in packets:
        made = np.zeros(len(events), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?"), ("rest", "V3")])
        for name in "xytp":
            made[name] = events[name]
        body = pack(flat(kind, [("<I", 4)], struct.pack("<I", len(events)) + made.tobytes()))
        out += struct.pack("<ii", stream, len(body)) + body
    return out


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


SMALL = random(50, 34, 34, 1 << 22)
WIDE = random(60, 500, 200, 1 << 30)
FILES = {
    "events.npy": (npy(SMALL), SMALL),
    "fields.npz": (npz(**{n: SMALL[n] for n in "txyp"}), SMALL),
    "one.npz": (npz(events=SMALL), SMALL),
    "n.bin": (nmnist(SMALL), SMALL),
    "two.dat": (dat(WIDE), WIDE),
    "one.dat": (dat(SMALL, 1, 0), SMALL),
    "bare.dat": (dat(SMALL, 1, text=""), SMALL),
    "dvs.aedat": (aedat2(SMALL, extra=[0x8000]), SMALL),
    "named.aedat": (aedat2(SMALL, "ch.unizh.ini.jaer.chip.retina.DVS128"), SMALL),
    "davis.aedat": (aedat2(SMALL, "eu.seebetter.ini.chips.davis.Davis240C", [1 << 31, 1 << 10]), SMALL),
    "three.aedat": (
        aedat3([(kind, part, np.ones(len(part), int), 0) for kind, part in ((1, WIDE[:9]), (2, WIDE), (1, WIDE[9:]))]),
        WIDE,
    ),
    "four.aedat4": (aedat4([(1, b"EVTS", WIDE[:20]), (0, b"IMUS", WIDE[:0]), (1, b"EVTS", WIDE[20:])]), WIDE),
    "four.aedat": (aedat4([(3, b"EVTS", SMALL), (1, b"EVTS", WIDE)]), WIDE),  # of two cameras the first
    "none.aedat4": (aedat4([]), WIDE[:0]),
    "none.bin": (b"", WIDE[:0]),
}  # fmt: skip


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", FILES)
def test_formats(name, tmp_path):
    data, wanted = FILES[name]
    got = read(write(tmp_path, name, data))
    assert got.dtype == EVENT
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(read(str(tmp_path / name)), wanted)


@pytest.mark.parametrize(("kind", "name"), [("nmnist", "a.bin"), ("aedat3", "a.aedat")])
def test_files_that_peers_read(kind, name, tmp_path):
    """Tonic's reader of N-MNIST, with times that run over, and SpikingJelly's of AEDAT 3.1."""
    got = read(write(tmp_path, name, GOLDEN[f"{kind}/file"].tobytes()))
    for field in "xytp":
        np.testing.assert_array_equal(got[field], GOLDEN[f"{kind}/{field}"])


@pytest.mark.parametrize(("package", "compression"), [("lz4", 1), ("lz4", 2), ("zstandard", 3), ("zstandard", 4)])
def test_compressed_aedat4(package, compression, tmp_path, monkeypatch):
    if package == "lz4":
        pack = pytest.importorskip("lz4.frame").compress
    else:
        pack = pytest.importorskip("zstandard").ZstdCompressor().compress
    data = aedat4([(0, b"EVTS", WIDE)], compression, pack)
    path = write(tmp_path, "a.aedat4", data)
    np.testing.assert_array_equal(read(path), WIDE)
    for spoil in (lambda packed: packed[:-20], lambda packed: bytes(8) + packed[8:]):
        broken = aedat4([(0, b"EVTS", WIDE)], compression, lambda body, spoil=spoil: spoil(pack(body)))
        with pytest.raises(ValueError, match=r"is damaged: the packet at byte \d+ can't be read"):
            read(write(tmp_path, "b.aedat4", broken))
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.frame", None)
    with pytest.raises(ImportError, match=rf"the package {package} reads it; pip install 'grilly-vk\[events\]'"):
        read(path)


def test_invalid_events_and_times_beyond_32_bits(tmp_path):
    valid = np.arange(60) % 3 > 0
    data = aedat3([(1, WIDE, valid, 2)])
    got = read(write(tmp_path, "a.aedat", data))
    np.testing.assert_array_equal(got["t"], WIDE["t"][valid] + (2 << 31))
    late = WIDE[:4].copy()
    late["t"] = [(1 << 32) - 2, (1 << 32) - 1, 3, 4]
    np.testing.assert_array_equal(np.diff(read(write(tmp_path, "a.dat", dat(late)))["t"]), [1, 4, 1])


DAMAGED = {
    "a.txt": (b"", "files of recordings end in .aedat, .*, not '.txt'"),
    "a.bin": (nmnist(SMALL)[:-1], "is damaged: 249 bytes; expected five for each event"),
    "cut.dat": (dat(WIDE)[:-3], "is damaged: 477 bytes of events; expected eight for each"),
    "endless.dat": (b"% Version 2", "its text of 11 bytes has no end"),
    "short.dat": (b"% Version 2\n\x0c", "it ends after its text, at byte 12"),
    "new.dat": (dat(SMALL, 3), "has version 3 and events of type 12 with 8 bytes"),
    "other.dat": (dat(SMALL, 2, 14), "events of type 14"),
    "a.npy": (npy(SMALL)[:-5], "is damaged or not a file of numpy's"),
    "header.npy": (npy(SMALL).replace(b"}", b" ", 1), "is damaged or not a file of numpy's"),
    "plain.npy": (npy(np.zeros((4, 4))), "must be a 1-d array with the fields"),
    "pickle.npy": (npy(np.array([{}], object)[:0].astype(object)), "is damaged or not a file of numpy's"),
    "a.npz": (npz(t=SMALL["t"], x=SMALL["x"]), "lacks the fields p; it has"),
    "uneven.npz": (npz(t=SMALL["t"], x=SMALL["x"][1:], p=SMALL["p"]), "x of the file's array has shape .49,."),
    "zip.npy": (npz(events=SMALL).replace(SMALL.tobytes()[:40], bytes(40)), "is damaged or not a file of numpy's"),
    "cut.npz": (npz(events=SMALL)[:-30], "is damaged or not a file of numpy's"),
    "no.aedat": (b"\0" * 16, "is not an AEDAT file of version 2.0 or later"),
    "old.aedat": (b"#!AER-DAT3.0\r\n" + b"\0" * 16, "is AEDAT 3.0; versions 2.0, 3.1 and 4.0"),
    "two.aedat": (aedat2(SMALL)[:-2], "is damaged: 398 bytes of events; expected eight for each"),
    "head.aedat": (aedat3([(1, WIDE, np.ones(60, int), 0)]) + b"\1\0", r"the head of the packet at byte \d+ is cut"),
    "three.aedat": (aedat3([(1, WIDE, np.ones(60, int), 0)])[:-2], r"the packet at byte \d+ goes on past the end"),
    "size.aedat": (aedat3([(1, WIDE, np.ones(60, int), 0)], 0), "has 60 of 60 events with 0 bytes"),
    "four.aedat4": (aedat4([(0, b"EVTS", WIDE)])[:-1], r"the packet at byte \d+ of \d+ bytes goes on past the end"),
    "cut.aedat4": (aedat4([(0, b"EVTS", WIDE)])[:30], "is damaged: the head at byte 14 can't be read"),
    "left.aedat4": (aedat4([]) + b"\1\0\0", r"the head of the packet at byte \d+ is cut"),
    "table.aedat4": (aedat4([], table=9), "its table of packets would be at byte 9"),
    "kind.aedat4": (aedat4([], 9), r"is damaged, or of an unknown compression \(9\)"),
    "inside.aedat4": (aedat4([(0, b"EVTS", WIDE)], pack=lambda b: b[:40]), r"the packet at byte \d+ can't be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(name, tmp_path):
    data, text = DAMAGED[name]
    with pytest.raises(ValueError, match=text) as raised:
        read(write(tmp_path, name, data))
    assert len(str(raised.value)) < 300 and "\n" not in str(raised.value) and name in str(raised.value)


def test_any_cut_and_any_changed_byte_is_read_or_refused(tmp_path):
    """No other error, no endless loop, whatever the file holds."""
    rng = np.random.default_rng(0)
    for name in ("three.aedat", "four.aedat4", "two.dat", "fields.npz"):
        data, _ = FILES[name]
        for _ in range(25):
            spoiled = bytearray(data)
            for at in rng.integers(0, len(data), 3):
                spoiled[at] = rng.integers(256)
            try:
                read(write(tmp_path, name, bytes(spoiled[: rng.integers(1, len(data) + 1)])))
            except ValueError as error:
                assert len(str(error)) < 400


def test_events_that_begin_as_a_line_of_text_does(tmp_path):
    """Row 140 of a DAVIS begins with the byte of #."""
    events = make_events([64, 80], [140, 140], [10, 12], [0, 1])  # and 10 is the end of a line
    got = read(write(tmp_path, "a.aedat", aedat2(events, "eu.seebetter.ini.chips.davis.Davis240C")))
    np.testing.assert_array_equal(got, events)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.npy")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(IsADirectoryError):
        read(tmp_path / "folder.npy")


def test_folders_of_classes(tmp_path):
    for k, folder in enumerate(("zero", "one", "two")):
        (tmp_path / folder).mkdir()
        for i in range(2):
            write(tmp_path / folder, f"{i}.bin", nmnist(random(40 + k, 34, 34, seed=i)))
    write(tmp_path / "two", "readme.txt", b"")
    data = EventFolder(tmp_path)
    assert data.classes == ("one", "two", "zero") and len(data) == 6 and data[-1][1] == 2
    np.testing.assert_array_equal(data[5][0], random(40, 34, 34, seed=1))
    make = Frames((34, 34, 2), n_time_bins=5)
    labels = [y for _, some, _ in DataLoader(data, batch_size=4, collate_fn=make.collate) for y in some]
    assert labels == [0, 0, 1, 1, 2, 2]
    with pytest.raises(IndexError, match="index must be below 6, got 6"):
        data[6]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no folders with files that end in"):
        EventFolder(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        EventFolder(tmp_path / "none")


def heidelberg(path, n=5, **other):
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    times = [np.sort(rng.random(20 + i)).astype(np.float16) for i in range(n)]
    units = [rng.integers(0, 700, 20 + i).astype(np.uint16) for i in range(n)]
    parts = {"times": (times, np.float16), "units": (units, np.uint16), **other}
    with h5py.File(path, "w") as file:
        group = file.create_group("spikes")
        for name, (rows, kind) in parts.items():
            made = group.create_dataset(name, (len(rows),), h5py.vlen_dtype(kind))
            for i, row in enumerate(rows):
                made[i] = row
        file["labels"] = np.arange(n) % 20
    return times, units


def test_spoken_digits_of_heidelberg(tmp_path):
    path = tmp_path / "shd_test.h5"
    times, units = heidelberg(path)
    data = SHD(path)
    assert len(data) == 5 and data.sensor_size == (700, 1, 1) and data.labels.tolist() == [0, 1, 2, 3, 4]
    for i in range(5):
        events, label = data[i]
        assert label == i and events.dtype.names == ("t", "x", "p") and events["p"].all()
        np.testing.assert_array_equal(events["x"], units[i])
        np.testing.assert_allclose(events["t"], times[i].astype(np.float64) * 1e6, atol=0.5)
    make = Frames(data.sensor_size, time_window=100_000, start_time=0, steps=10, downsample=(7, 1))
    ((frames, labels, lengths),) = DataLoader(data, batch_size=5, collate_fn=make.collate)
    assert frames.shape == (10, 5, 1, 100) and lengths.max() <= 10 and labels.tolist() == list(range(5))
    with pytest.raises(IndexError, match="index must be below 5"):
        data[5]
    data.labels[1] = 9
    for same in (copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        assert same[1][1] == 9
        np.testing.assert_array_equal(same[3][0], data[3][0])


def test_damaged_hdf5(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    heidelberg(path)
    whole = path.read_bytes()
    for broken in (b"no HDF5", whole[:300], whole[: len(whole) // 2]):
        write(tmp_path, "b.h5", broken)
        with pytest.raises(ValueError, match=r"b.h5 is damaged, or no HDF5 file with spikes/times"):
            SHD(tmp_path / "b.h5")
    with pytest.importorskip("h5py").File(tmp_path / "c.h5", "w") as file:
        file["labels"] = [1, 2]
    with pytest.raises(ValueError, match="no HDF5 file with spikes/times"):
        SHD(tmp_path / "c.h5")
    heidelberg(tmp_path / "d.h5", units=([np.full(20, 700, np.uint16)] * 5, np.uint16))
    with pytest.raises(ValueError, match="recording 0 has no channel from 0 to 699 for each time"):
        SHD(tmp_path / "d.h5")[0]
    heidelberg(tmp_path / "e.h5", units=([np.zeros(3, np.uint16)] * 4, np.uint16))
    with pytest.raises(ValueError, match=r"is damaged: \(5, 4, 5\) times, units and labels"):
        SHD(tmp_path / "e.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"takes the package h5py; pip install 'grilly-vk\[events\]'"):
        SHD(path)


def test_hdf5_that_another_program_holds_is_not_called_damaged(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    heidelberg(tmp_path / "a.h5")
    with (tmp_path / "a.h5").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            SHD(tmp_path / "a.h5")


# ---- batches of samples ----


class Frozen:
    """An array of another library, and a data set with it."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)


class Pairs:
    def __len__(self):
        return 7

    def __getitem__(self, i):
        if i >= 7:
            raise IndexError
        return Frozen(np.full((2, 3), i, np.float64)), i


def test_samples_of_one_shape_are_stacked():
    batches = list(DataLoader(Pairs(), batch_size=4))
    assert [x.shape for x, _ in batches] == [(4, 2, 3), (3, 2, 3)]
    assert batches[0][0].dtype == np.float32 and batches[0][1].dtype == np.int32
    np.testing.assert_array_equal(batches[1][0][:, 0, 0], batches[1][1])
    assert stack([1.5, 2.5]).tolist() == [1.5, 2.5]
    mixed = stack([1, 2.5])
    assert mixed.tolist() == [1.0, 2.5] and mixed.dtype == np.float32


def test_sequences_are_padded_at_the_end():
    samples = [(np.ones((n, 2)), n) for n in (3, 1, 2)]
    padded, labels, lengths = pad_sequences(samples)
    assert padded.shape == (3, 3, 2) and padded.dtype == np.float32 and labels.tolist() == [3, 1, 2]
    np.testing.assert_array_equal(padded.sum((0, 2)) / 2, lengths)
    assert not padded[1:, 1].any() and lengths.tolist() == [3, 1, 2]
    ((same, _, _),) = DataLoader(samples, batch_size=3, collate_fn=pad_sequences)
    np.testing.assert_array_equal(same, padded)
    alone, lengths = pad_sequences([np.zeros(2), np.zeros(4)])
    assert alone.shape == (4, 2) and lengths.tolist() == [2, 4]
    mixed, _ = pad_sequences([np.array([1, 2]), np.array([0.5])])
    assert mixed.T.tolist() == [[1, 2], [0.5, 0]] and mixed.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: stack([(np.zeros(2), 1), (np.zeros(3), 1)]), ValueError, "part 0 of the samples has shapes .*pad_seq"),
        (lambda: stack([]), TypeError, "samples must be a list of at least one sample"),
        (lambda: stack([(1, 2), (1,)]), ValueError, "the same number of parts"),
        (lambda: pad_sequences([(np.zeros(2), 1 << 40)]), ValueError, "must fit int32"),
        (lambda: pad_sequences([np.zeros((2, 3)), np.zeros((2, 4))]), ValueError, "only T may differ"),
        (lambda: pad_sequences([1.0, 2.0]), ValueError, "only T may differ"),
        (lambda: DataLoader([1], [2], collate_fn=stack), ValueError, "collate_fn takes one data set"),
        (lambda: DataLoader([1], collate_fn=3), TypeError, "collate_fn must be a function"),
        (lambda: DataLoader(3, collate_fn=stack), TypeError, "must be a data set or a list of samples, not int"),
    ],
)
def test_bad_samples(call, error, text):
    with pytest.raises(error, match=text):
        call()
