"use strict";
// One video or sound with its button: plays from the start to the end, stops and goes on, and knows what was played.
class Film {
  // name: what the button plays, empty for the only video; changed: what to do when it starts, stops, ends or fails.
  constructor(media, button, name, changed) {
    Object.assign(this, { media, button, name: name && ` ${name}`, changed });
    this.reset();
    button.addEventListener("click", () => this.toggle());
    media.addEventListener("click", () => this.toggle());
    media.addEventListener("timeupdate", () => this.count());
    media.addEventListener("play", () => this.told());
    media.addEventListener("pause", () => this.told());
    media.addEventListener("ended", () => {
      this.seen = true;
      this.told();
    });
    media.addEventListener("error", () => {
      if (!media.getAttribute("src")) return;
      this.failed = true;
      this.told();
    });
  }

  reset() {
    this.seen = false;
    this.failed = false;
    this.played = 0; // seconds
    this.time = 0;
  }

  // address: of the file; seen, played_ms: where it was shown before a reload.
  show(address, seen = false, playedMs = 0) {
    this.media.pause();
    this.reset();
    this.seen = seen;
    this.played = playedMs / 1000;
    this.media.src = address;
    this.told();
  }

  get playing() {
    return !this.media.paused && !this.media.ended;
  }

  get playedMs() {
    return Math.round(this.played * 1000);
  }

  toggle() {
    if (this.playing) {
      this.media.pause();
      return;
    }
    if (this.media.ended) this.media.currentTime = 0;
    this.time = this.media.currentTime;
    this.media.play().catch((error) => {
      if (error.name === "AbortError") return; // stopped, or another video took its place
      this.failed = true;
      this.told();
    });
    this.told(); // at once: the event "play" comes later, and until then two videos would play together
  }

  stop() {
    if (this.playing) this.media.pause();
  }

  count() {
    const passed = this.media.currentTime - this.time;
    this.time = this.media.currentTime;
    if (passed > 0) this.played += passed;
  }

  told() {
    this.count();
    const again = this.media.ended || (this.seen && !this.media.currentTime);
    this.button.textContent = this.playing ? `Stop${this.name}` : `Play${this.name}${again ? " again" : ""}`;
    this.button.classList.toggle("main", !this.seen && !this.playing);
    this.changed(this);
  }
}
