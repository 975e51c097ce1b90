"use strict";
// Curves of per-frame values: one card a metric, one line a region, a cursor at the frame that is shown.
const HEIGHT = 100;

class Curves {
  constructor(holder, seek) {
    this.holder = holder;
    this.seek = seek;
    this.cards = [];
  }

  show(curves, keys, frames, fps) {
    this.frames = frames;
    const groups = new Map();
    for (const head of keys) {
      if (!(head.key in curves)) continue;
      if (!groups.has(head.metric)) groups.set(head.metric, []);
      groups.get(head.metric).push({ head, values: curves[head.key] });
    }
    this.cards = [...groups].map(([metric, lines]) => this.card(metric, lines, fps));
    this.holder.replaceChildren(...this.cards.map((card) => card.node));
    if (!this.cards.length) this.holder.append(element("p", {}, "No metric of this run has values of single frames."));
  }

  card(metric, lines, fps) {
    const numbers = lines.flatMap((line) => line.values.filter((value) => typeof value === "number"));
    const low = Math.min(...numbers);
    const high = Math.max(...numbers);
    const last = Math.max(1, this.frames - 1);
    const at = (value) => (high > low ? (HEIGHT - 4) * (1 - (value - low) / (high - low)) + 2 : HEIGHT / 2);
    const svg = drawn("svg", { viewBox: `0 0 ${last} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
      "aria-label": numbers.length ? `${metric} by frame, from ${spell(low)} to ${spell(high)}` : `${metric}, undefined` });
    svg.append(drawn("path", { class: "frame", d: `M0 0V${HEIGHT}H${last}` }));
    const title = element("h3", {}, metric);
    for (const line of lines) {
      // A run of numbers is a line; undefined and infinite frames are gaps.
      for (const run of runsOf(line.values)) {
        const points = run.length > 1 ? run : [run[0], run[0]];
        svg.append(drawn("polyline", { class: `region-${line.head.region}${run.length > 1 ? "" : " dot"}`,
          points: points.map(([frame, value]) => `${frame},${at(value).toFixed(2)}`).join(" ") }));
      }
      line.readout = element("span", { class: `region-${line.head.region}` });
      title.append(line.readout);
    }
    const cursor = drawn("line", { class: "cursor", y1: 0, y2: HEIGHT });
    svg.append(cursor);
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      this.seek(Math.round(((event.clientX - box.left) / box.width) * last));
    });
    const range = numbers.length ? `${spell(low)} to ${spell(high)}` : "undefined in every frame";
    const scale = element("div", { class: "scale" }, element("span", {}, "0 s"), element("span", {}, range),
      element("span", {}, `${(this.frames / fps).toFixed(2)} s`));
    return { node: element("div", { class: "curve" }, title, svg, scale), cursor, lines };
  }

  move(frame) {
    for (const card of this.cards) {
      card.cursor.setAttribute("x1", frame);
      card.cursor.setAttribute("x2", frame);
      for (const line of card.lines) {
        const value = line.values[frame];
        line.readout.textContent = `${line.head.region} ${value === null || value === undefined ? "none in this frame" : spell(value)}`.trim();
      }
    }
  }
}

function drawn(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function runsOf(values) {
  const runs = [[]];
  values.forEach((value, frame) => {
    if (typeof value === "number") runs.at(-1).push([frame, value]);
    else if (runs.at(-1).length) runs.push([]);
  });
  return runs.filter((run) => run.length);
}
