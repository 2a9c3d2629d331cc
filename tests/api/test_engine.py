"""The engine that ships with the product, through a worker: layers, joins, and what it says to files that are none."""
import json
import subprocess

import pytest

from conftest import SLOW
from worker_server import WorkerServer


def make(path, *arguments):
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *arguments, str(path)], check=True, stdin=subprocess.DEVNULL)
    return path.read_bytes()


def clip(folder, size="320x180", seconds=1, rate=25, color="red", sound=False):
    tone = ["-f", "lavfi", "-i", f"sine=440:d={seconds}", "-shortest"] if sound else []
    return make(folder / "made.mp4", "-f", "lavfi", "-i", f"color=c={color}:s={size}:d={seconds}:r={rate}", *tone, "-pix_fmt", "yuv420p")


def picture(folder, size="320x180", color="blue"):
    return make(folder / "made.png", "-f", "lavfi", "-i", f"color=c={color}:s={size}:d=1", "-frames:v", "1")


def probe(path):
    said = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(path)], capture_output=True, check=True)
    said = json.loads(said.stdout)
    video = [s for s in said["streams"] if s["codec_type"] == "video"][0]
    audio = [s for s in said["streams"] if s["codec_type"] == "audio"]
    return {"size": (video["width"], video["height"]), "frames": int(video["nb_read_frames"]), "codec": video["codec_name"],
            "seconds": float(said["format"].get("duration", 0)), "rate": video["avg_frame_rate"], "audio": [a["codec_name"] for a in audio],
            "audio_seconds": float(audio[0]["duration"]) if audio else 0}


def pixel(path, at, x, y):
    """The colour at a moment and place, as (r, g, b)."""
    raw = subprocess.run(["ffmpeg", "-loglevel", "error", "-ss", str(at), "-i", str(path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24",
                          "-vf", f"crop=2:2:{x}:{y}", "-"], capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout
    return tuple(raw[:3])


def near(got, want):
    return all(abs(a - b) < 40 for a, b in zip(got, want))


RED, BLUE, LIME, BLACK = (255, 0, 0), (0, 0, 255), (0, 255, 0), (0, 0, 0)


def render(folder, job, assets, name="out.mp4"):
    """-> (path of the output or None, the log, what finish said)"""
    with WorkerServer(folder, assets=assets) as farm:
        lease = farm.add(job, name=name)
        farm.worker("--once").wait(90 * SLOW)
        out = folder / name
        if lease in farm.outputs:
            out.write_bytes(farm.outputs[lease])
        return (out if lease in farm.outputs else None), farm.logs.get(lease, b"").decode(), dict(farm.finished)[lease]


def video(name, **more):
    return {"type": "video", "src": f"farm:{name}", **more}


# --- layers ---

def test_a_video_gives_its_size_length_and_sound(folder):
    out, log, said = render(folder, {"assets": [video("a.mp4"), {"type": "text", "layerName": "t", "value": "Hello"}], "settings": {"quality": "draft"}},
                            {"a.mp4": clip(folder, sound=True)})
    assert said == {"state": "finished"}, log
    seen = probe(out)
    assert seen["size"] == (320, 180) and seen["frames"] == 25 and seen["audio"] == ["aac"]


def test_a_nested_output_lies_on_the_ground(folder):
    """A nested job's output arrives as a video or image asset with a src."""
    out, log, said = render(folder, {"assets": [video("a.mp4"), video("nested.mp4"), {"type": "image", "src": "farm:logo.png"}], "settings": {"quality": "draft"}},
                            {"a.mp4": clip(folder, "320x180", 2), "nested.mp4": clip(folder, "100x100", 1, color="lime"), "logo.png": picture(folder, "20x20")})
    assert said == {"state": "finished"}, log
    seen = probe(out)
    assert seen["size"] == (320, 180) and seen["frames"] == 50
    assert near(pixel(out, 0.5, 10, 90), RED) and near(pixel(out, 0.5, 115, 90), LIME) and near(pixel(out, 0.5, 160, 90), BLUE)
    assert near(pixel(out, 1.8, 115, 90), LIME)  # its last frame stays


def test_a_video_longer_than_the_ground_ends_with_it(folder):
    out, log, said = render(folder, {"assets": [video("a.mp4"), video("b.mp4")], "settings": {"quality": "draft"}},
                            {"a.mp4": clip(folder, seconds=1), "b.mp4": clip(folder, "100x100", 3, color="lime")})
    assert said == {"state": "finished"}, log
    assert probe(out)["frames"] == 25


def test_on_a_still_ground_the_video_tells_the_length_and_large_ones_are_made_to_fit(folder):
    out, log, said = render(folder, {"assets": [{"type": "image", "src": "farm:g.png"}, video("b.mp4")], "settings": {"quality": "draft"}},
                            {"g.png": picture(folder, "320x180"), "b.mp4": clip(folder, "640x640", 1, color="lime")})
    assert said == {"state": "finished"}, log
    seen = probe(out)
    assert seen["frames"] == 25 and seen["size"] == (320, 180)
    assert near(pixel(out, 0.5, 20, 90), BLUE) and near(pixel(out, 0.5, 160, 10), LIME)


@pytest.mark.parametrize("settings", [{"codec": "video_prores_422", "frames": 3}, {"codec": "image_png", "frames": 0}, {"codec": 5}])
def test_a_preview_has_settings_of_its_own(folder, settings):
    """The server ignores those of the job, whatever they are, and has named the output for its own."""
    out, log, said = render(folder, {"preview": True, "assets": [{"type": "text", "layerName": "t", "value": "x"}], "settings": settings}, {})
    assert said == {"state": "finished"}, log
    assert probe(out)["codec"] == "h264" and probe(out)["frames"] == 50


@pytest.mark.parametrize("settings, frames", [({"frames": 7, "quality": "draft"}, 7), ({"frames": [10, 15], "quality": "draft"}, 5), ({"quality": "draft"}, 50)])
def test_frames_are_as_asked(folder, settings, frames):
    out, log, said = render(folder, {"assets": [{"type": "text", "layerName": "t", "value": "x"}], "settings": settings}, {})
    assert said == {"state": "finished"} and probe(out)["frames"] == frames


def test_an_image_is_one_frame(folder):
    out, log, said = render(folder, {"assets": [{"type": "image", "src": "farm:g.png"}], "settings": {"codec": "image_png", "frames": 0}}, {"g.png": picture(folder)}, "out.png")
    assert said == {"state": "finished"} and probe(out)["codec"] == "png"


@pytest.mark.parametrize("assets, why", [
    ([video("bad.mp4")], ""), ([video("ok.mp4"), video("bad.mp4")], "asset 1 is no picture or video"), ([video("ok.mp4"), video("sound.wav")], "asset 1 is no picture or video"),
    ([video("ok.mp4"), video("list.m3u8")], "asset 1 is no picture or video"), ([{"type": "text", "value": "x"}] * 33, "asset 32 is one text too many"),
    ([video("ok.mp4")] * 33, "asset 32 is one picture too many"), ([{"value": 1}], "asset 0 cannot be read")])
def test_layers_that_cannot_be_used_are_named(folder, assets, why):
    files = {"ok.mp4": clip(folder), "bad.mp4": b"no video at all", "sound.wav": make(folder / "s.wav", "-f", "lavfi", "-i", "sine=440:d=1"),
             "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"}
    out, log, said = render(folder, {"assets": assets, "settings": {"quality": "draft", "frames": 2}}, files)
    assert out is None and said["state"] == "error" and "status" in said["error"] and why in log


# --- joins ---

def test_clips_of_one_size_are_joined_in_their_order(folder):
    out, log, said = render(folder, {"join": True, "assets": [video("a.mp4"), video("b.mp4"), video("a.mp4")], "settings": {"preset": "mp4"}},
                            {"a.mp4": clip(folder, color="red"), "b.mp4": clip(folder, color="lime")})
    assert said == {"state": "finished"}, log
    seen = probe(out)
    assert seen["size"] == (320, 180) and seen["frames"] == 75 and abs(seen["seconds"] - 3) < 0.1 and seen["codec"] == "h264" and seen["audio"] == []
    assert near(pixel(out, 0.5, 50, 50), RED) and near(pixel(out, 1.5, 50, 50), LIME) and near(pixel(out, 2.5, 50, 50), RED)
    assert "PROGRESS: 100" in log and "clip 2 of 3" in log


def test_clips_that_differ_are_brought_to_the_largest_size_and_one_rate(folder):
    out, log, said = render(folder, {"join": True, "assets": [video("a.mp4"), video("b.mp4"), video("c.mp4")]},
                            {"a.mp4": clip(folder, "160x120", 1, 25), "b.mp4": clip(folder, "640x360", 1, 50, "lime"), "c.mp4": clip(folder, "100x300", 1, 10, "blue")})
    assert said == {"state": "finished"}, log
    seen = probe(out)
    assert seen["size"] == (640, 360) and seen["frames"] == 75 and seen["rate"] == "25/1"
    assert near(pixel(out, 0.5, 10, 180), BLACK) and near(pixel(out, 0.5, 320, 180), RED)
    assert near(pixel(out, 1.5, 10, 180), LIME) and near(pixel(out, 2.5, 100, 180), BLACK) and near(pixel(out, 2.5, 320, 180), BLUE)


def test_sound_stays_where_it_belongs_when_some_clips_have_none(folder):
    out, log, said = render(folder, {"join": True, "assets": [video("a.mp4"), video("b.mp4")]}, {"a.mp4": clip(folder), "b.mp4": clip(folder, color="lime", sound=True)})
    assert said == {"state": "finished"}, log
    seen = probe(out)
    assert seen["audio"] == ["aac"] and seen["frames"] == 50 and abs(seen["audio_seconds"] - 2) < 0.15 and abs(seen["seconds"] - 2) < 0.15
    said = subprocess.run(["ffmpeg", "-i", str(out), "-af", "silencedetect=d=0.5", "-f", "null", "-"], capture_output=True, text=True).stderr
    assert "silence_start: 0" in said and 0.8 < float(said.split("silence_end: ")[1].split()[0]) < 1.2


def test_one_clip_is_a_join_too_and_a_draft_is_one(folder):
    out, log, said = render(folder, {"join": True, "preview": True, "assets": [video("a.mp4")]}, {"a.mp4": clip(folder)})
    assert said == {"state": "finished"} and probe(out)["frames"] == 25


@pytest.mark.parametrize("assets, why", [
    ([], "nothing to join"), ([video("ok.mp4"), video("bad.mp4")], "asset 1 is no video"), ([{"type": "image", "src": "farm:p.png"}], "asset 0 is not a video"),
    ([video("ok.mp4"), {"type": "video", "src": "not-an-address"}], "asset 1 is not a video"), ([video("sound.wav")], "asset 0 is no video"), ([{"type": 1}], "asset 0 is not a video")])
def test_what_cannot_be_joined_is_named(folder, assets, why):
    files = {"ok.mp4": clip(folder), "bad.mp4": b"\x00" * 100, "p.png": picture(folder), "sound.wav": make(folder / "s.wav", "-f", "lavfi", "-i", "sine=440:d=1")}
    out, log, said = render(folder, {"join": True, "assets": assets}, files)
    assert out is None and said["state"] == "error" and why in log


@pytest.mark.parametrize("join", [True, False])
@pytest.mark.parametrize("name", ["remote.m3u8", "local.m3u8", "local.mp4", "list.txt", "call.sdp"])
def test_a_clip_cannot_lead_to_other_files_or_machines(folder, name, join):
    """A play list is a video to ffmpeg."""
    (folder / "private.mp4").write_bytes(clip(folder))
    with WorkerServer(folder) as other:
        head, tail = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n", b"\n#EXT-X-ENDLIST\n"
        local = head + b"file://" + str(folder / "private.mp4").encode() + tail
        files = {"remote.m3u8": head + f"{other.url}/asset/x.ts".encode() + tail, "local.m3u8": local, "local.mp4": local,
                 "list.txt": f"ffconcat version 1.0\nfile '{folder / 'private.mp4'}'\n".encode(),
                 "call.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"}
        out, log, said = render(folder, {"join": join, "assets": [video(name)], "settings": {"frames": 2}}, files)
        assert out is None and said["state"] == "error" and other.seen == []
