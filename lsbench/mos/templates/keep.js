"use strict";
// Progress, kept in the browser by study and rater, and the file of ratings.
class Keep {
  constructor(study) {
    this.study = study;
    this.memory = new Map();
    this.works = this.put("lsbench-mos", "1");
  }

  put(name, text) {
    this.memory.set(name, text);
    try {
      localStorage.setItem(name, text);
      return true;
    } catch {
      return false;
    }
  }

  get(name) {
    try {
      return localStorage.getItem(name) ?? this.memory.get(name) ?? null;
    } catch {
      return this.memory.get(name) ?? null;
    }
  }

  get last() {
    return this.get(`lsbench-mos:${this.study.study}`) || "";
  }

  set last(rater) {
    this.put(`lsbench-mos:${this.study.study}`, rater);
  }

  // The state of a rater, new where none is kept or what is kept cannot be read.
  load(rater) {
    const fresh = { rater, step: "sound", at: 0, checks: [], answers: [], draft: null, volume: 80 };
    try {
      const kept = JSON.parse(this.get(`lsbench-mos:${this.study.study}:${rater}`));
      const whole = { ...fresh, ...kept };
      const sound = whole.rater === rater && Number.isInteger(whole.at) && [whole.checks, whole.answers].every(Array.isArray);
      return sound ? whole : fresh;
    } catch {
      return fresh;
    }
  }

  save(state) {
    const kept = this.put(`lsbench-mos:${this.study.study}:${state.rater}`, JSON.stringify(state));
    this.works = this.works && kept;
  }
}

// The ratings as CSV: the headphone checks, then the answers in the order shown. Skipped trials have no rows.
function ratingsCsv(study, state, trials) {
  const rows = [study.columns];
  const add = (...cells) => rows.push([study.study, state.rater, ...cells]);
  state.checks.forEach((check, place) => {
    add(place + 1, "headphones", place + 1, "", "headphones", check.right ? 1 : 0, 0, check.played_ms, check.answered_at);
  });
  state.answers.forEach((answer, place) => {
    const trial = trials[place];
    const kind = study.method === "pairs" ? "pair" : "acr";
    for (const question of study.questions) {
      const given = answer.given[question.id];
      if (given) {
        add(place + 1, kind, trial.ids[0], trial.ids[1] || "", question.id, given.rating, trial.repeat, answer.played_ms,
          given.answered_at);
      }
    }
  });
  return `${rows.map((cells) => cells.join(",")).join("\n")}\n`;
}

function ratingsFile(study, state) {
  return `ratings-${study.study}-${state.rater}.csv`;
}

function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
