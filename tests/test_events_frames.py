"""Recordings of events summed into frames, and changed at random, on the device."""

import copy
import pickle

import numpy as np
import pytest
from golden import load
from test_encode import philox

import grilly_vk
from grilly_vk.data import DataLoader
from grilly_vk.data.events import (
    EVENT,
    EventBatch,
    Frames,
    drop_events,
    flip_events,
    make_events,
    time_jitter,
    to_frames,
)

GOLDEN, HEADER = load("events")
SIZE = tuple(HEADER["size"])


def recording(n, seed=0, width=7, height=5, span=1000, start=50):
    rng = np.random.default_rng([seed, n])
    t = np.sort(rng.integers(start, start + span, n))
    return make_events(rng.integers(0, width, n), rng.integers(0, height, n), t, rng.integers(0, 2, n))


def golden(i):
    return make_events(*(GOLDEN[f"{i}/{name}"] for name in "xytp"))


def counted(events, windows, size, shrink=(1, 1), by_count=False):
    """Frames by a loop over windows [(begin, end), ...) of times or of numbers of events."""
    w, h, p = size
    out = np.zeros((len(windows), p, -(-h // shrink[1]), -(-w // shrink[0])), np.float32)
    order = np.arange(len(events)) if by_count else events["t"]
    for k, (begin, end) in enumerate(windows):
        chosen = events[(order >= begin) & (order < end)]
        np.add.at(out[k], (chosen["p"].astype(int) % p, chosen["y"] // shrink[1], chosen["x"] // shrink[0]), 1)
    return out


# ---- frames ----


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("k", range(len(HEADER["tonic"])))
def test_tonics_frames(i, k):
    frames = to_frames(golden(i), SIZE, **HEADER["tonic"][k])
    np.testing.assert_array_equal(frames.numpy(), GOLDEN[f"{i}/tonic/{k}"])


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("k", range(len(HEADER["jelly"])))
def test_spikingjellys_frames(i, k):
    frames = to_frames(golden(i), SIZE, remainder="last", **HEADER["jelly"][k])
    np.testing.assert_array_equal(frames.numpy(), GOLDEN[f"{i}/jelly/{k}"])
    assert frames.sum().item() == len(golden(i))


def test_a_batch_is_its_recordings_padded():
    recordings = [recording(300), recording(40, 1, span=300), recording(0), recording(1), recording(200, 2, span=2000)]
    make = Frames((7, 5, 2), time_window=100, include_incomplete=True)
    frames, lengths = make.batch(recordings)
    assert frames.shape == (20, 5, 2, 5, 7) and lengths.dtype == np.int32
    for b, events in enumerate(recordings):
        t = events["t"]
        number = max(1, -(-(int(t[-1] - t[0]) + 1) // 100)) if len(t) else 1
        windows = [(t[0] + 100 * k, t[0] + 100 * k + 100) for k in range(number)] if len(t) else [(0, 0)]
        assert lengths[b] == number
        np.testing.assert_array_equal(frames.numpy()[:number, b], counted(events, windows, (7, 5, 2)))
        assert not frames.numpy()[number:, b].any()
        np.testing.assert_array_equal(make(events).numpy(), frames.numpy()[:number, b])
    assert frames.sum().item() == sum(map(len, recordings))  # include_incomplete: every event counts


def test_modes_polarities_and_downsampling():
    events, windows = recording(500), [(50 + 200 * k, 250 + 200 * k) for k in range(4)]
    both = counted(events, windows, (7, 5, 2))
    given = dict(time_window=200, start_time=50, end_time=850)
    np.testing.assert_array_equal(to_frames(events, (7, 5, 2), mode="binary", **given).numpy(), both > 0)
    merged = to_frames(events, (7, 5, 2), polarity="merged", **given)
    np.testing.assert_array_equal(merged.numpy(), both.sum(1, keepdims=True))
    for down, shrink in ((2, (2, 2)), ((3, 1), (3, 1)), ((1, 4), (1, 4)), (9, (9, 9))):
        small = to_frames(events, (7, 5, 2), downsample=down, **given)
        np.testing.assert_array_equal(small.numpy(), counted(events, windows, (7, 5, 2), shrink))
    for steps in (2, 6):
        held = to_frames(events, (7, 5, 2), steps=steps, **given).numpy()
        assert held.shape[0] == steps and not held[4:].any()
        np.testing.assert_array_equal(held[:4], both[:steps])


def test_the_same_frames_of_events_in_any_order():
    events = recording(400)
    mixed = np.random.default_rng(0).permutation(events)
    for options in (dict(time_window=90), dict(n_time_bins=8)):
        np.testing.assert_array_equal(to_frames(mixed, **options).numpy(), to_frames(events, **options).numpy())
    by_count = to_frames(mixed, (7, 5, 2), event_count=50)  # numbers of events count in the order that they come in
    windows = [(k, k + 50) for k in range(0, 400, 50)]
    np.testing.assert_array_equal(by_count.numpy(), counted(mixed, windows, (7, 5, 2), by_count=True))


def test_last_events_and_more_bins_than_time():
    """An event at the end of the last whole window, which Tonic loses, and bins of at least one unit."""
    events = make_events(0, 0, [0, 99, 100], True)
    assert to_frames(events, (1, 1, 2), time_window=100).numpy()[:, 1, 0, 0].tolist() == [2]
    assert to_frames(events, (1, 1, 2), time_window=100, include_incomplete=True).numpy()[:, 1, 0, 0].tolist() == [2, 1]
    few = make_events(0, 0, [0, 1, 3], True)
    assert to_frames(few, (1, 1, 2), n_time_bins=6).numpy()[:, 1, 0, 0].tolist() == [1, 1, 0, 1, 0, 0]
    assert to_frames(few, (1, 1, 2), n_event_bins=5).numpy()[:, 1, 0, 0].tolist() == [1, 1, 1, 0, 0]


def test_far_times_and_a_pixel_with_many_events():
    t = np.array([0, 5, (1 << 30) - 1]) + (1 << 40)
    frames = to_frames(make_events(0, 0, t, True), (1, 1, 2), time_window=(1 << 30) // 4, include_incomplete=True)
    np.testing.assert_array_equal(frames.numpy()[:, 1, 0, 0], [2, 0, 0, 1])
    many = make_events(3, 1, np.zeros(70001, int), False)
    assert to_frames(many, n_event_bins=1).numpy()[0, 0, 1, 3] == 70001


def test_sensors_of_one_row():
    """As Tonic's SHD: no y, one polarity."""
    rng = np.random.default_rng(0)
    events = np.zeros(100, [("t", int), ("x", int), ("p", int)])
    events["t"], events["x"], events["p"] = np.sort(rng.integers(0, 500, 100)), rng.integers(0, 20, 100), 1
    frames, lengths = Frames((20, 1, 1), n_time_bins=5, remainder="last").batch([events, events[:50]])
    assert frames.shape == (5, 2, 1, 20) and lengths.tolist() == [5, 5]
    width = int(events["t"][-1] - events["t"][0]) // 5
    bins = np.minimum((events["t"] - events["t"][0]) // width, 4)
    wanted = np.zeros((5, 20))
    np.add.at(wanted, (bins, events["x"]), 1)
    np.testing.assert_array_equal(frames.numpy()[:, 0, 0], wanted)
    assert to_frames(events, (20, 1, 1), downsample=(5, 1), n_time_bins=5).shape == (5, 1, 4)
    assert EventBatch([events]).arrays()[0].dtype == events.dtype


def test_frames_are_bit_for_bit_the_same_and_other_forms_of_events_too():
    events = recording(300)
    first = to_frames(events, time_window=50).numpy()
    np.testing.assert_array_equal(first, to_frames(events, time_window=50.0).numpy())
    plain = {name: events[name] for name in "xytp"}
    signed = dict(plain, p=np.where(events["p"], 1, -1).astype(np.int8), t=events["t"].astype(np.float64))
    for form in (plain, signed, events.astype([(n, "<f4") for n in "xytp"])):
        np.testing.assert_array_equal(first, to_frames(form, time_window=50).numpy())


def test_a_captured_sum_of_frames_runs_again():
    batch, make = EventBatch([recording(300)]), Frames(time_window=100)
    wanted = make.batch(batch)[0].numpy()
    with grilly_vk.capture() as graph:
        frames, _ = make.batch(batch.flip(lr=1.0))
    for _ in range(2):
        graph.replay()
        np.testing.assert_array_equal(frames.numpy(), wanted[..., ::-1])


def test_settings_count_from_the_next_call():
    events, make = recording(300), Frames((7, 5, 2), time_window=100)
    before = make(events).numpy()
    make.mode, make.downsample, make.overlap = "binary", 2, 50
    wanted = to_frames(events, (7, 5, 2), time_window=100, mode="binary", downsample=2, overlap=50)
    np.testing.assert_array_equal(make(events).numpy(), wanted.numpy())
    with pytest.raises(ValueError, match=r"overlap must be below time_window \(100\), got 100"):
        make.overlap = 100
    assert make.overlap == 50
    with pytest.raises(AttributeError, match="time_window of Frames is fixed"):
        make.time_window = 10
    twin = pickle.loads(pickle.dumps(copy.deepcopy(make)))
    np.testing.assert_array_equal(twin(events).numpy(), wanted.numpy())
    make.mode, make.downsample, make.overlap = "sum", 1, 0
    np.testing.assert_array_equal(make(events).numpy(), before)


# ---- random changes ----


def dice(i, stream, draw, seed):
    """Uniform numbers as the kernel draws them, (len(i), 4)."""
    counter = np.stack([i, np.full_like(i, stream), np.full_like(i, draw), 0 * i], -1)
    return (philox(counter, (seed, 0)) >> np.uint32(8)) / np.float32(2**24)


def test_dropped_events_are_those_of_the_generator():
    events = recording(1000)
    grilly_vk.manual_seed(7)
    left, again = drop_events(events, 0.3), drop_events(events, 0.3)
    kept = dice(np.arange(1000), 0, 0, 7)[:, 0] >= np.float32(0.3)
    np.testing.assert_array_equal(left, events[kept])
    np.testing.assert_array_equal(again, events[dice(np.arange(1000), 0, 1, 7)[:, 0] >= np.float32(0.3)])
    assert len(drop_events(events, 0.0)) == 1000 and len(drop_events(events, 1.0)) == 0
    frames = Frames(time_window=100, include_incomplete=True)
    grilly_vk.manual_seed(7)
    summed, _ = frames.batch(EventBatch([events]).drop(0.3))  # dropped where they are, without a copy to the host
    assert summed.sum().item() == kept.sum()


def test_jitter_is_normal_and_keeps_the_order_of_time():
    events = make_events(np.arange(20000) % 30, 0, np.full(20000, 10**9), True)
    grilly_vk.manual_seed(3)
    moved = time_jitter(events, 250.0)
    shift = moved["t"] - 10**9
    assert (np.diff(moved["t"]) >= 0).all() and moved.dtype == EVENT
    assert abs(shift.mean()) < 6 and abs(shift.std() - 250) < 5 and abs((np.abs(shift) < 250).mean() - 0.6827) < 0.012
    grilly_vk.manual_seed(3)
    np.testing.assert_array_equal(time_jitter(events, 250.0), moved)
    words = philox(np.stack([np.arange(20000), *[np.zeros(20000, int)] * 3], -1), (3, 0)).astype(np.float64)
    angle = np.pi * (np.floor(words[:, 2] / 256) / 2**23 - 1)
    normal = np.sqrt(-2 * np.log((words[:, 0] + 0.5) / 2**32)) * np.cos(angle)
    np.testing.assert_allclose(np.sort(shift), np.sort(np.rint(250 * normal)), atol=1)
    np.testing.assert_array_equal(time_jitter(events, 0.0), events)


def test_recordings_are_mirrored_as_a_whole():
    recordings = [recording(60, seed) for seed in range(40)]
    grilly_vk.manual_seed(11)
    flipped = EventBatch(recordings, (7, 5, 2)).flip(lr=0.5, ud=0.25, polarity=0.5).arrays()
    chosen = dice(np.arange(40), 1, 0, 11)[:, :3] < np.array([0.5, 0.25, 0.5], np.float32)
    assert chosen.sum(0).min() > 0 and chosen.sum(0).max() < 40
    for events, got, (lr, ud, polarity) in zip(recordings, flipped, chosen):
        np.testing.assert_array_equal(got["x"], 6 - events["x"] if lr else events["x"])
        np.testing.assert_array_equal(got["y"], 4 - events["y"] if ud else events["y"])
        np.testing.assert_array_equal(got["p"], ~events["p"] if polarity else events["p"])
        np.testing.assert_array_equal(got["t"], events["t"])
    one = flip_events(recordings[0], (7, 5, 2), ud=1.0)
    np.testing.assert_array_equal(one["y"], 4 - recordings[0]["y"])


def test_windows_of_events_count_what_is_left():
    """After drops and jitter, windows by number are of the remaining events in their new order."""
    events = recording(200)
    grilly_vk.manual_seed(1)
    batch = EventBatch([events], (7, 5, 2)).drop(0.4).time_jitter(300.0)
    left = batch.arrays()[0]
    frames, lengths = Frames((7, 5, 2), event_count=20).batch(batch)
    windows = [(k, k + 20) for k in range(0, len(left) - 19, 20)]
    assert lengths.tolist() == [len(windows)] and len(left) < 200
    np.testing.assert_array_equal(frames.numpy()[:, 0], counted(left, windows, (7, 5, 2), by_count=True))


def test_a_batch_is_not_changed_by_its_changes():
    batch = EventBatch([recording(100)])
    before = batch.arrays()[0]
    batch.time_jitter(50.0), batch.drop(0.5), batch.flip(1.0, 1.0, 1.0)
    np.testing.assert_array_equal(batch.arrays()[0], before)
    assert len(batch) == 1 and repr(batch) == "EventBatch(1 recordings, 100 events, sensor_size=(7, 5, 2))"


# ---- loading ----


class TonicLike:
    """A data set as Tonic has them."""

    sensor_size = (7, 5, 2)

    def __init__(self, n=10):
        self.samples = [(recording(30 + 20 * i, i, span=300 + 100 * i), i % 3) for i in range(n)]

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        return self.samples[i]


def test_a_loader_of_a_dataset_gives_frames_labels_and_lengths():
    data = TonicLike()
    make = Frames(data.sensor_size, time_window=100, include_incomplete=True)
    loader = DataLoader(data, batch_size=4, shuffle=True, seed=2, collate_fn=make.collate)
    order = np.random.default_rng([2, 0]).permutation(10)
    assert len(loader) == 3
    for k, (frames, labels, lengths) in enumerate(loader):
        picked = order[4 * k : 4 * k + 4]
        assert labels.dtype == lengths.dtype == np.int32 and labels.tolist() == [i % 3 for i in picked]
        assert frames.shape == (lengths.max(), len(picked), 2, 5, 7)
        for b, i in enumerate(picked):
            alone = make(data[i][0]).numpy()
            np.testing.assert_array_equal(frames.numpy()[: lengths[b], b], alone)
            assert lengths[b] == len(alone) and not frames.numpy()[lengths[b] :, b].any()
    unlabelled = DataLoader([e for e, _ in data.samples], batch_size=10, collate_fn=make.collate)
    ((frames, lengths),) = unlabelled
    assert frames.sum().item() == sum(len(e) for e, _ in data.samples) and lengths.shape == (10,)


def test_augmentation_in_the_loader():
    data = TonicLike()
    make = Frames((7, 5, 2), n_time_bins=4, remainder="last", augment=lambda batch: batch.drop(0.5))
    grilly_vk.manual_seed(0)
    totals = [[f.sum().item() for f, _, _ in DataLoader(data, batch_size=5, collate_fn=make.collate)] for _ in range(2)]
    whole = sum(len(e) for e, _ in data.samples)
    assert all(0.4 * whole < sum(t) < 0.6 * whole for t in totals) and totals[0] != totals[1]
    make.augment = lambda batch: batch.arrays()
    with pytest.raises(TypeError, match="augment must return an EventBatch, not list"):
        make.collate([data[0]])


def test_a_training_step_of_steady_length_is_recorded_once():
    make = Frames((7, 5, 2), time_window=100, steps=6)
    captures = []

    @grilly_vk.compile
    def total(frames):
        captures.append(1)
        return frames.sum()

    for frames, _, _ in DataLoader(TonicLike(8), batch_size=4, collate_fn=make.collate):
        assert total(frames).item() == frames.numpy().sum()
    assert len(captures) == 1


# ---- bad input ----

GOOD = recording(20)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: to_frames(GOOD), ValueError, "exactly one of time_window, .* got none"),
        (lambda: to_frames(GOOD, time_window=5, n_time_bins=2), ValueError, "got time_window and n_time_bins"),
        (lambda: to_frames(GOOD, time_window=0), ValueError, "time_window must be at least 1"),
        (lambda: to_frames(GOOD, time_window=2.5), TypeError, "time_window must be a whole number"),
        (lambda: to_frames(GOOD, time_window=1 << 30), ValueError, "time_window must be below"),
        (lambda: to_frames(GOOD, n_time_bins=4, overlap=2), ValueError, "overlap must be 0 with n_time_bins"),
        (lambda: to_frames(GOOD, time_window=5, mode="mean"), ValueError, "mode must be one of 'sum', 'binary'"),
        (lambda: to_frames(GOOD, time_window=5, polarity="on"), ValueError, "polarity must be one of"),
        (lambda: to_frames(GOOD, time_window=5, downsample=0), ValueError, "downsample must be a number of pixels"),
        (lambda: to_frames(GOOD, time_window=5, steps=0), ValueError, "steps must be at least 1"),
        (lambda: to_frames(GOOD, time_window=5, size=3), TypeError, "to_frames has no option 'size'; it has"),
        (lambda: to_frames(GOOD, time_window=5, start_time=9, end_time=8), ValueError, "end_time must not be before"),
        (lambda: to_frames(GOOD, time_window=5, start_time=-(1 << 31)), ValueError, "start_time must be within"),
        (lambda: to_frames(GOOD, (4, 5, 2), time_window=5), ValueError, r"x of recordings\[0\] reaches 6, .* 4 col"),
        (lambda: to_frames(GOOD, (7, 2, 2), time_window=5), ValueError, r"y of recordings\[0\] reaches 4, .* 2 rows"),
        (lambda: to_frames(GOOD, (7, 5, 1), time_window=5), ValueError, "has both polarities"),
        (lambda: to_frames(GOOD, (7, 5), time_window=5), ValueError, r"sensor_size must be \(width, height, pol"),
        (lambda: to_frames(GOOD, (1 << 15, 1 << 15, 2), time_window=9), ValueError, "below 2\\*\\*31 elements"),
        (lambda: to_frames(np.zeros((5, 4)), time_window=5), TypeError, "must be a 1-d array with the fields"),
        (lambda: to_frames(GOOD[["x", "y", "p"]], time_window=5), ValueError, "lacks the fields t; it has"),
        (lambda: to_frames([GOOD], time_window=5), TypeError, "must be a 1-d array with the fields"),
        (lambda: Frames(time_window=5)(EventBatch([GOOD])), TypeError, "must be one recording"),
        (lambda: EventBatch(GOOD), TypeError, "recordings must be a list of recordings, not ndarray"),
        (lambda: EventBatch([]), ValueError, "at least one recording"),
        (lambda: EventBatch([GOOD, GOOD[["x", "t", "p"]]]), ValueError, "must either all have y or all lack it"),
        (lambda: make_events([0, 1], 0, [0, 1, 2], 1), ValueError, "must have the same length"),
        (lambda: make_events([-1], 0, 0, 1), ValueError, "x of events must hold whole numbers from 0 to 32767, got -1"),
        (lambda: make_events([40000], 0, 0, 1), ValueError, "got 40000 to 40000"),
        (lambda: make_events(1, 1, [0.5], 1), ValueError, "t of events must hold whole numbers, got fractions"),
        (lambda: make_events(1, 1, [np.nan], 1), ValueError, "t of events must hold whole numbers"),
        (lambda: make_events(1, 1, [1], [2]), ValueError, "p of events must hold whole numbers from -1 to 1"),
        (lambda: make_events(1, 1, ["a"], [1]), TypeError, "t must hold real numbers"),
        (lambda: make_events(1, 1, [0, 1 << 30], 1), ValueError, "a recording may last 2\\*\\*30 units"),
        (lambda: time_jitter(GOOD, -1.0), ValueError, "std must not be negative"),
        (lambda: drop_events(GOOD, 1.5), ValueError, r"p must lie in \[0.0, 1.0\]"),
        (lambda: flip_events(GOOD, lr=1.0), TypeError, "sensor_size must be given for an array"),
        (lambda: flip_events(GOOD, (7, 5, 2), lr=2.0), ValueError, "lr must lie in"),
        (lambda: Frames(time_window=5, augment=3), TypeError, "augment must be a function"),
        (lambda: Frames(time_window=5).collate([(GOOD, 1), GOOD]), TypeError, "must either all be"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text) as raised:
        call()
    assert len(str(raised.value)) < 300 and "\n" not in str(raised.value)


def test_what_changed_recordings_are_made_of():
    """Fields of your own stay with their events, off stays -1, and no field overflows or holds what was in memory."""
    given = np.zeros(4, [("x", "u1"), ("y", "u1"), ("t", "u8"), ("p", "i1"), ("weight", "f4")])
    given["x"], given["t"], given["p"], given["weight"] = [1, 2, 3, 4], [0, 1, 2, 3], [-1, 1, -1, 1], [5, 6, 7, 8]
    out = flip_events(given, (640, 4, 2), lr=1.0)
    assert out["x"].tolist() == [638, 637, 636, 635]
    assert out["p"].tolist() == [-1, 1, -1, 1] and out["weight"].tolist() == [5, 6, 7, 8]
    grilly_vk.manual_seed(1)
    moved = time_jitter(given, 50.0)
    assert moved["t"].min() < 0 and np.abs(moved["t"]).max() < 500
    assert [moved["weight"][moved["x"] == x][0] for x in (1, 2, 3, 4)] == [5, 6, 7, 8]
    row = drop_events({"x": np.arange(3), "t": np.arange(3), "p": np.array([-1, 1, 1])}, 0.0)
    assert row.dtype.names == ("x", "t", "p") and row["p"].tolist() == [False, True, True]

    class Own(EventBatch):
        pass

    batch = Own([given])
    assert type(batch.drop(0.5).settled()) is Own and len(batch) == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda f, r: f.batch(EventBatch([r], (50, 40, 2))), "larger than"),
        (lambda f, r: f.collate([(r, 1 << 40), (r, 0)]), "labels must fit int32"),
        (lambda f, r: f.collate([(r, [1]), (r, [1, 2])]), "labels must have one shape"),
        (lambda f, r: f.collate([(r, 1, 2), (r, 1, 2)]), "a tuple of 3"),
        (lambda f, r: Frames(time_window=float("inf")), "time_window must be a whole number"),
    ],
)
def test_what_would_be_lost_is_told(call, text):
    frames = Frames((34, 34, 2), time_window=100)
    with pytest.raises((TypeError, ValueError), match=text):
        call(frames, make_events([1, 2], [3, 4], [0, 500], [0, 1]))
