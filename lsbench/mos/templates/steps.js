"use strict";
// The way of a rater: welcome, sound, headphones, practice, trials with a pause half way, the end.
(() => {
  const study = JSON.parse(document.getElementById("study").textContent);
  const at = (id) => document.getElementById(id);
  const keep = new Keep(study);
  let state = null;
  let trials = [];
  let practice = [];
  let orders = [];
  let goOn = () => {};
  const trial = new Trial(study, (draft) => save({ draft }), (answer) => answered(answer));
  const half = () => (trials.length >= 10 ? Math.ceil(trials.length / 2) : 0);

  function save(change) {
    Object.assign(state, change);
    keep.save(state);
    at("forgets").hidden = keep.works;
  }

  function screen(id) {
    for (const step of document.querySelectorAll(".step")) step.hidden = step.id !== id;
    document.body.dataset.step = id;
    for (const media of document.querySelectorAll("#sound audio, #headphones audio")) media.pause();
    if (id !== "trial") trial.stop();
    const title = at(id).querySelector("h1");
    window.scrollTo(0, 0);
    title.focus({ preventScroll: true });
  }

  function progress() {
    const shown = state && ["ready", "trials", "pause", "end"].includes(state.step);
    at("progress").hidden = !shown;
    at("other").hidden = !state;
    at("who").textContent = state ? `Rater ${state.rater}` : "";
    if (!shown) return;
    const bar = at("progress").firstElementChild;
    bar.setAttribute("aria-valuemax", trials.length);
    bar.setAttribute("aria-valuenow", state.answers.length);
    bar.firstElementChild.style.width = `${(100 * state.answers.length) / trials.length}%`;
  }

  function go(change) {
    save(change);
    show();
  }

  function show() {
    progress();
    const steps = { sound, headphones, practice: rehearse, ready, trials: rate, pause, end };
    (steps[state.step] || sound)();
  }

  function enter(rater) {
    keep.last = rater;
    state = keep.load(rater);
    trials = planned(study, rater);
    practice = practised(study, rater);
    orders = toneOrders(study, rater);
    at("volume").value = state.volume;
    volume();
    save({});
    show();
  }

  function welcome() {
    state = null;
    progress();
    screen("welcome");
  }

  function volume() {
    for (const media of document.querySelectorAll("audio, video")) media.volume = at("volume").value / 100;
  }

  function note(title, text, then, saves = false) {
    at("note-title").textContent = title;
    at("note-text").textContent = text;
    at("note-save").hidden = !saves;
    goOn = then;
    screen("note");
  }

  // Sound

  const speech = new Film(at("speech"), at("speech-play"), "speech", (film) => {
    if (film.seen || film.failed) at("sound-next").disabled = false;
    if (film.failed) at("speech-status").textContent = "The sound cannot be played. Is sound on? You can go on without.";
    else if (film.seen) at("speech-status").textContent = "Space plays it again, Enter goes on.";
  });

  function sound() {
    const files = new Map(study.items.map((item) => [item.id, item.file]));
    speech.show(files.get(study.practice[0][0]));
    at("sound-next").disabled = true;
    at("speech-status").textContent = "Space plays.";
    screen("sound");
  }

  function soundDone() {
    if (!at("sound-next").disabled) go({ step: "headphones", at: state.checks.length });
  }

  // Headphones

  const buttons = [...at("tones-answer").querySelectorAll("button")];
  const tones = new Film(at("tones"), at("tones-play"), "the tones", (film) => {
    const open = film.seen || film.failed;
    at("tones-answer").disabled = !open;
    at("tones-play").disabled = film.playing || film.seen;
    if (film.playing) at("tones-status").textContent = "Listen.";
    if (film.failed) at("tones-status").textContent = "The tones cannot be played here. Choose any to go on.";
    else if (film.seen) at("tones-status").textContent = `${check()} Which was the quietest? Keys 1 to 3.`;
  });
  tones.media.addEventListener("timeupdate", () => light());

  function check() {
    return `Check ${state.checks.length + 1} of ${orders.length}.`;
  }

  // Show which of the tones is heard.
  function light() {
    const { tone_ms: tone, gap_ms: gap } = study.headphones;
    const heard = tones.playing ? Math.floor((tones.media.currentTime * 1000) / (tone + gap)) : -1;
    buttons.forEach((button, place) => button.classList.toggle("on", place === heard));
  }

  function headphones() {
    if (state.checks.length >= orders.length) {
      const text = "Two trials to practise come first; they are not recorded.";
      note("Practice", text, () => go({ step: "practice", at: 0, draft: null }));
      return;
    }
    const { tone_ms: tone, gap_ms: gap } = study.headphones;
    if (tones.media.src) URL.revokeObjectURL(tones.media.src);
    tones.show(wavAddress(toneSamples(orders[state.checks.length], tone, gap)));
    at("tones-status").textContent = `${check()} Space plays.`;
    light();
    screen("headphones");
  }

  function heard(number) {
    if (at("tones-answer").disabled) return;
    const right = orders[state.checks.length][number - 1] === "quiet";
    const check = { right, played_ms: tones.playedMs, answered_at: new Date().toISOString() };
    go({ checks: [...state.checks, check] });
  }

  // Practice and trials

  function rehearse() {
    if (state.at >= practice.length) return go({ step: "ready", at: 0, draft: null });
    at("trial-title").textContent = `Practice ${state.at + 1} of ${practice.length}`;
    at("trial-save").hidden = true;
    trial.show(practice[state.at], state.draft);
    return screen("trial");
  }

  function ready() {
    const text = `That was the practice. Now come ${trials.length} trials; your answers are recorded from here on.`;
    note("Ready", text, () => go({ step: "trials", at: 0, draft: null }));
  }

  function rate() {
    if (state.at >= trials.length) return go({ step: "end" });
    at("trial-title").textContent = `${state.at + 1} of ${trials.length}`;
    at("trial-save").hidden = !state.answers.length;
    trial.show(trials[state.at], state.draft);
    return screen("trial");
  }

  function pause() {
    const text = "Rest your eyes and ears for a few minutes if you like. You can also close this page and go on later.";
    note("Half way", text, () => go({ step: "trials" }), true);
  }

  function answered(answer) {
    const place = state.at + 1;
    if (state.step === "practice") return go({ at: place, draft: null });
    const answers = [...state.answers.slice(0, state.at), answer];
    return go({ answers, at: place, draft: null, step: place === half() ? "pause" : "trials" });
  }

  // The end

  function end() {
    at("file").textContent = ratingsFile(study, state);
    at("download-status").textContent = "";
    screen("end");
  }

  function saveFile() {
    download(ratingsFile(study, state), ratingsCsv(study, state, trials));
    at("download-status").textContent = `${ratingsFile(study, state)} is in your downloads.`;
  }

  at("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    const rater = at("rater").value.trim();
    const valid = /^[A-Za-z0-9_-]{1,40}$/.test(rater);
    at("rater-wrong").hidden = valid;
    at("rater").setAttribute("aria-invalid", String(!valid));
    if (valid) enter(rater);
    else at("rater").focus();
  });
  at("invent").addEventListener("click", () => {
    const letters = "bcdfghjkmnpqrstvwxz";
    const drawn = crypto.getRandomValues(new Uint32Array(8));
    at("rater").value = `r-${[...drawn].map((number) => letters[number % letters.length]).join("")}`;
    at("rater").focus();
  });
  at("other").addEventListener("click", () => {
    keep.last = "";
    at("rater").value = "";
    welcome();
  });
  at("volume").addEventListener("input", () => {
    volume();
    save({ volume: Number(at("volume").value) });
  });
  at("sound-next").addEventListener("click", soundDone);
  for (const button of buttons) button.addEventListener("click", () => heard(Number(button.dataset.tone)));
  at("note-next").addEventListener("click", () => goOn());
  for (const id of ["download", "note-save", "trial-save"]) at(id).addEventListener("click", saveFile);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    const step = document.body.dataset.step;
    const { key } = event;
    const pressed = event.target.closest("button, a, input:not([type=radio])");
    let ours = true;
    if (step === "trial") ours = trial.key(event);
    else if (step === "sound" && key === " " && !pressed) speech.toggle();
    else if (step === "sound" && key === "Enter" && !event.target.closest("button")) soundDone();
    else if (step === "headphones" && key === " " && !pressed && !at("tones-play").disabled) tones.toggle();
    else if (step === "headphones" && /^[1-3]$/.test(key)) heard(Number(key));
    else if (step === "note" && key === "Enter" && !pressed) goOn();
    else if (step === "end" && key === "Enter" && !pressed) saveFile();
    else ours = false;
    if (ours) event.preventDefault();
  });

  if (keep.last) enter(keep.last);
  else welcome();
})();
