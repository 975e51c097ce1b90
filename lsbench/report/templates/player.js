"use strict";
// Two videos on one clock, with views that are drawn from them. The canvases are only drawn to, never read: a page
// opened from disk may not read the pixels of a video.
class Player {
  // moved: what to do at another frame; failed: with the name of a video that cannot be played.
  constructor(moved, failed) {
    this.moved = moved;
    this.failed = failed;
    this.videos = ["reference", "generated"].map((id) => document.getElementById(id));
    this.scrub = document.getElementById("scrub");
    this.play = document.getElementById("play");
    this.time = document.getElementById("time");
    this.frames = 0;
    this.fps = 25;
    this.frame = -1;
    this.play.addEventListener("click", () => this.toggle());
    this.scrub.addEventListener("input", () => this.seek(Number(this.scrub.value)));
    const draw = () => this.draw();
    for (const video of this.videos) {
      video.addEventListener("seeked", draw);
      video.addEventListener("loadeddata", draw);
      video.addEventListener("ended", () => this.stop());
      video.addEventListener("error", () => video.getAttribute("src") && this.failed(video.getAttribute("src")));
    }
    for (const id of ["speed", "sound", "gain"]) document.getElementById(id).addEventListener("change", () => this.set());
    document.addEventListener("keydown", (event) => {
      const busy = event.target.closest("button, select, a, summary, input:not([type=range])");
      if (event.key === " " && !busy) { event.preventDefault(); this.toggle(); }
    });
  }

  // content: of a data file. Videos that are not there are left out; the scrub bar still moves the curves.
  show(content) {
    this.stop();
    this.content = content;
    this.frames = content.frames || 0;
    this.fps = (content.generated || content.reference || { fps: 25 }).fps;
    this.scrub.max = Math.max(0, this.frames - 1);
    const there = {};
    for (const video of this.videos) {
      const entry = content[video.id];
      there[video.id] = Boolean(entry);
      if (entry) {
        video.poster = `media/${entry.name}.jpg`;
        video.src = `media/${entry.name}.mp4`;
      } else {
        video.removeAttribute("src");
        video.removeAttribute("poster");
        video.load();
      }
    }
    const both = there.reference && there.generated && content.paired;
    const mouth = Boolean(content.boxes);
    const wanted = { reference: there.reference, generated: there.generated, difference: both,
      "mouth-reference": mouth && there.reference, "mouth-generated": mouth && there.generated,
      "mouth-difference": mouth && both };
    for (const [id, shown] of Object.entries(wanted)) {
      document.getElementById(id).closest("figure").classList.toggle("absent", !shown);
    }
    document.getElementById("gain").closest("label").hidden = !both;
    document.getElementById("sound").querySelector("[value=reference]").hidden = !there.reference;
    this.play.disabled = !there.reference && !there.generated;
    this.set();
    this.frame = -1;
    this.seek(0);
  }

  get playing() {
    return this.present().some((video) => !video.paused && !video.ended);
  }

  present() {
    return this.videos.filter((video) => video.getAttribute("src"));
  }

  set() {
    const sound = document.getElementById("sound").value;
    for (const video of this.videos) {
      video.muted = video.id !== sound;
      video.playbackRate = Number(document.getElementById("speed").value);
    }
    const gain = document.getElementById("gain").value;
    for (const id of ["difference", "mouth-difference"]) document.getElementById(id).style.filter = `brightness(${gain})`;
  }

  toggle() {
    if (this.playing) return this.stop();
    const shown = this.present();
    if (!shown.length) return undefined;
    if (this.frame >= this.frames - 1) this.seek(0);
    this.play.textContent = "Pause";
    this.play.setAttribute("aria-pressed", "true");
    this.ticking = true;
    return Promise.all(shown.map((video) => video.play())).then(() => this.tick(), () => this.stop());
  }

  stop() {
    this.ticking = false;
    for (const video of this.videos) video.pause();
    this.play.textContent = "Play";
    this.play.setAttribute("aria-pressed", "false");
  }

  tick() {
    if (!this.ticking) return;
    const [clock, follower] = this.present();
    if (follower && Math.abs(follower.currentTime - clock.currentTime) > 1.5 / this.fps) {
      follower.currentTime = clock.currentTime;
    }
    this.at(Math.min(this.frames - 1, Math.floor(clock.currentTime * this.fps + 1e-3)));
    this.draw();
    requestAnimationFrame(() => this.tick());
  }

  // Seek to the middle of a frame, so that rounding cannot show its neighbour.
  seek(frame) {
    const wanted = Math.max(0, Math.min(this.frames - 1, frame));
    for (const video of this.present()) video.currentTime = (wanted + 0.5) / this.fps;
    this.at(wanted);
  }

  at(frame) {
    if (frame === this.frame) return;
    this.frame = frame;
    this.scrub.value = frame;
    const text = `frame ${frame}, ${(frame / this.fps).toFixed(2)} s`;
    this.scrub.setAttribute("aria-valuetext", text);
    this.time.textContent = text;
    this.moved(frame);
  }

  draw() {
    if (!this.content) return;
    const [reference, generated] = this.videos.map((video) => (video.readyState >= 2 ? video : null));
    paint("difference", [reference, generated], null);
    if (!this.content.boxes) return;
    const [left, top] = this.content.boxes[Math.max(0, Math.min(this.frame, this.content.boxes.length - 1))];
    const box = [left, top, ...this.content.box];
    paint("mouth-reference", [reference], box);
    paint("mouth-generated", [generated], box);
    paint("mouth-difference", [reference, generated], box);
  }
}

// One video, or the absolute difference of two, whole or cut to a box (x, y, width, height), in px of the video.
function paint(id, videos, box) {
  const canvas = document.getElementById(id);
  if (videos.some((video) => !video) || canvas.closest(".absent")) return;
  const [x, y, width, height] = box || [0, 0, videos[0].videoWidth, videos[0].videoHeight];
  const scale = box ? Math.max(1, Math.round(300 / width)) : 1;
  if (canvas.width !== width * scale || canvas.height !== height * scale) {
    canvas.width = width * scale;
    canvas.height = height * scale;
  }
  const context = canvas.getContext("2d");
  videos.forEach((video, place) => {
    context.globalCompositeOperation = place ? "difference" : "copy";
    context.drawImage(video, x, y, width, height, 0, 0, canvas.width, canvas.height);
  });
}
