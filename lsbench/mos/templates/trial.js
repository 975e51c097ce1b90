"use strict";
// One trial: videos to watch to their end, then three questions. By mouse, by touch or by keyboard alone.
class Trial {
  // kept(draft): called at every change, to be stored; done(answer): with {given, played_ms} when the rater goes on.
  constructor(study, kept, done) {
    Object.assign(this, { study, kept, done });
    this.pairs = study.method === "pairs";
    this.files = new Map(study.items.map((item) => [item.id, item.file]));
    this.form = document.getElementById("questions");
    this.sets = [...this.form.querySelectorAll("fieldset")];
    this.next = document.getElementById("next");
    this.skip = document.getElementById("skip");
    this.status = document.getElementById("trial-status");
    this.films = [...document.querySelectorAll("#trial figure")].map((figure, place) => {
      const name = this.pairs ? "AB"[place] : "";
      const film = new Film(figure.querySelector("video"), figure.querySelector("button"), name, (it) => this.moved(it));
      film.figure = figure;
      return film;
    });
    this.current = 0;
    this.turn = 0;
    this.form.addEventListener("change", (event) => this.answer(event.target.name, event.target.value));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.finish();
    });
    this.skip.addEventListener("click", () => this.done({ given: {}, played_ms: this.playedMs }));
  }

  // draft: what is kept of this trial from before a reload, or null.
  show(trial, draft) {
    this.given = draft ? draft.given : {};
    this.form.reset();
    this.shown = false; // nothing is said or kept while it is being set up
    this.films.forEach((film, place) => {
      film.show(this.files.get(trial.ids[place]), draft ? draft.seen[place] : false, draft ? draft.played_ms[place] : 0);
    });
    for (const [name, { rating }] of Object.entries(this.given)) {
      this.form.querySelector(`input[name="${name}"][value="${rating}"]`).checked = true;
    }
    this.shown = true;
    this.current = this.open();
    this.say();
  }

  stop() {
    this.films.forEach((film) => film.stop());
  }

  get seen() {
    return this.films.every((film) => film.seen);
  }

  get complete() {
    return this.seen && this.study.questions.every((question) => this.given[question.id]);
  }

  get playedMs() {
    return this.films.reduce((sum, film) => sum + film.playedMs, 0);
  }

  // The first question that is not answered, or the number of questions.
  open() {
    const place = this.study.questions.findIndex((question) => !this.given[question.id]);
    return place < 0 ? this.sets.length : place;
  }

  moved(film) {
    if (!this.shown) return;
    if (film.playing) this.films.filter((other) => other !== film).forEach((other) => other.stop());
    film.figure.classList.toggle("on", film.playing);
    this.keep();
    this.say();
  }

  keep() {
    this.kept({
      given: this.given,
      seen: this.films.map((film) => film.seen),
      played_ms: this.films.map((film) => film.playedMs),
    });
  }

  answer(name, rating) {
    if (!this.seen) return;
    this.given = { ...this.given, [name]: { rating, answered_at: new Date().toISOString() } };
    this.current = this.open();
    this.keep();
    this.say();
  }

  finish() {
    if (!this.complete) return this.say();
    this.stop();
    return this.done({ given: this.given, played_ms: this.playedMs });
  }

  say() {
    const failed = this.films.some((film) => film.failed);
    this.sets.forEach((set, place) => {
      set.disabled = !this.seen;
      set.classList.toggle("now", this.seen && place === this.current);
    });
    this.next.disabled = !this.complete;
    this.skip.hidden = !failed;
    const keys = this.pairs ? "← A, → B" : "keys 1 to 5";
    let text = `Question ${this.current + 1} of ${this.sets.length}: ${keys}.`;
    if (failed) text = "This video cannot be played here. Please tell the person who invited you; you can skip it.";
    else if (!this.seen) text = this.pairs ? "Watch both videos to the end, then answer." : "Watch the video to the end, then answer.";
    else if (this.current >= this.sets.length) text = "All answered. Enter goes on.";
    if (this.status.textContent !== text) this.status.textContent = text;
  }

  // The video that Space plays: the one that plays, the first unseen, otherwise one after the other.
  following() {
    const busy = this.films.find((film) => film.playing);
    if (busy) return busy;
    const paused = this.films.find((film) => film.media.currentTime > 0 && !film.media.ended);
    const film = paused || this.films.find((other) => !other.seen) || this.films[this.turn % this.films.length];
    return film;
  }

  // Whether the key was one of ours.
  key(event) {
    const { key, target } = event;
    const pressed = target.closest("button");
    if (key === " " && !pressed) {
      const film = this.following();
      this.turn = (this.films.indexOf(film) + 1) % this.films.length;
      film.toggle();
    } else if (key === "Enter" && !pressed) {
      this.finish();
    } else if (key === "Backspace") {
      this.current = Math.max(0, this.current - 1);
      this.say();
    } else if (this.pairs && (key === "ArrowLeft" || key === "ArrowRight")) {
      this.choose(key === "ArrowLeft" ? "left" : "right");
    } else if (this.pairs && /^[ab]$/i.test(key)) {
      this.films["ab".indexOf(key.toLowerCase())].toggle();
    } else if (!this.pairs && /^[1-5]$/.test(key)) {
      this.choose(key);
    } else {
      return false;
    }
    return true;
  }

  choose(value) {
    if (!this.seen || this.current >= this.sets.length) return;
    const set = this.sets[this.current];
    set.querySelector(`input[value="${value}"]`).checked = true;
    this.answer(set.dataset.question, value);
  }
}
