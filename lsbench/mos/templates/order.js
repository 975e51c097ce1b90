"use strict";
// What a rater is shown, in which order: decided by the study and the rater's id, so that a reload finds it again.

// Random numbers in [0, 1) that a text decides: FNV-1a of the text, then a Weyl sequence through MurmurHash3's
// finalizer. Not for secrets.
function seeded(text) {
  let state = 0x811c9dc5;
  for (let place = 0; place < text.length; place += 1) {
    state = Math.imul(state ^ text.charCodeAt(place), 0x01000193);
  }
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 4294967296;
  };
}

function shuffled(list, random) {
  const found = list.slice();
  for (let last = found.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [found[last], found[other]] = [found[other], found[last]];
  }
  return found;
}

const APART = 5; // trials from the first showing of an item to the second, at least

// An order in which no two neighbours are of one clip, where there is such an order.
function spaced(trials, random) {
  const left = shuffled(trials, random);
  const counts = new Map();
  for (const trial of left) counts.set(trial.group, (counts.get(trial.group) || 0) + 1);
  const found = [];
  while (left.length) {
    const last = found.length ? found[found.length - 1].group : null;
    // A clip that fills every other place that is left must come now; otherwise the first of another clip.
    let place = left.findIndex((trial) => trial.group !== last && counts.get(trial.group) * 2 > left.length);
    if (place < 0) place = left.findIndex((trial) => trial.group !== last);
    const [trial] = left.splice(Math.max(0, place), 1);
    counts.set(trial.group, counts.get(trial.group) - 1);
    found.push(trial);
  }
  return found;
}

// Which trials come twice: one of each clip before a second of any.
function repeated(trials, count, random) {
  const waiting = shuffled(trials, random);
  const found = [];
  const taken = new Map();
  while (found.length < Math.min(count, trials.length)) {
    const least = Math.min(...waiting.map((trial) => taken.get(trial.group) || 0));
    const place = waiting.findIndex((trial) => (taken.get(trial.group) || 0) === least);
    const [trial] = waiting.splice(place, 1);
    taken.set(trial.group, least + 1);
    found.push(trial);
  }
  return found;
}

// Put the second showings in: at least APART after the first, beside no trial of the same clip, where there is room.
function inserted(order, again, random) {
  const list = order.slice();
  for (const trial of shuffled(again, random)) {
    const first = list.findIndex((other) => other === trial);
    const group = (place) => (place >= 0 && place < list.length ? list[place].group : null);
    const far = [];
    for (let place = first + APART; place <= list.length; place += 1) far.push(place);
    const free = far.filter((place) => group(place - 1) !== trial.group && group(place) !== trial.group);
    const choice = free.length ? free : far;
    const place = choice.length ? choice[Math.floor(random() * choice.length)] : list.length;
    list.splice(place, 0, { ...trial, repeat: 1 });
  }
  return list;
}

// How far an order misses what is wanted of it.
function faults(list) {
  let found = 0;
  list.forEach((trial, place) => {
    if (place && list[place - 1].group === trial.group) found += 1;
    const first = list.findIndex((other) => other.key === trial.key);
    if (trial.repeat && place - first < APART) found += 2;
  });
  return found;
}

// The trials of a rater: [{ids, group, repeat}], left before right. A repeated pair comes with its sides swapped.
function planned(study, rater) {
  const random = seeded(`${study.study}/${study.seed}/${rater}`);
  const groups = new Map(study.items.map((item) => [item.id, item.group]));
  const all = study.trials.map((ids) => ({ ids, key: ids.join(), group: groups.get(ids[0]), repeat: 0 }));
  const share = study.shares.length ? study.shares[Math.floor(random() * study.shares.length)] : all.map((_, place) => place);
  const shown = share.map((place) => all[place]);
  let best = null;
  for (let attempt = 0; attempt < 100 && (!best || best.faults); attempt += 1) {
    const list = inserted(spaced(shown, random), repeated(shown, study.repeats, random), random);
    const missed = faults(list);
    if (!best || missed < best.faults) best = { list, faults: missed };
  }
  const swapped = new Map(shuffled(shown, random).map((trial, place) => [trial.key, place % 2 === 1]));
  const turned = (trial) => (swapped.get(trial.key) !== Boolean(trial.repeat) ? trial.ids.slice().reverse() : trial.ids);
  return best.list.map((trial) => ({ ids: turned(trial), group: trial.group, repeat: trial.repeat }));
}

// Trials to learn with, in an order of the rater's own.
function practised(study, rater) {
  const random = seeded(`${study.study}/practice/${rater}`);
  return shuffled(study.practice, random).map((ids) => ({ ids: shuffled(ids, random), group: 0, repeat: 0 }));
}
