"use strict";
// The page of a clip: which generator, which clip, worst first by which score. The address holds the choice.
(() => {
  const page = JSON.parse(document.getElementById("page").textContent);
  const at = (id) => document.getElementById(id);
  const state = { g: 0, c: null, key: page.by };
  const player = new Player((frame) => curves.move(frame), (file) => say([`${file} cannot be played; was it moved?`]));
  const curves = new Curves(at("curves"), (frame) => player.seek(frame));
  let order = [];
  let turn = 0;

  function options(select, entries, chosen) {
    select.replaceChildren(...entries.map(([value, text]) => {
      const option = element("option", { value }, text);
      option.selected = String(value) === String(chosen);
      return option;
    }));
  }

  function say(problems) {
    at("problems").append(...problems.map((text) => element("li", {}, text)));
    at("problems").hidden = !at("problems").children.length;
  }

  function go(change) {
    Object.assign(state, change);
    location.hash = `g=${state.g}&c=${state.c}&key=${encodeURIComponent(state.key)}`;
  }

  async function show() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const within = (name, count) => {
      const value = Number.parseInt(asked.get(name), 10);
      return value >= 0 && value < count ? value : null;
    };
    state.g = within("g", page.runs.length) ?? 0;
    state.c = within("c", page.clips.length);
    if (page.keys.some((head) => head.key === asked.get("key"))) state.key = asked.get("key");
    const mine = ++turn;
    const run = (await load(`data/g${state.g}/run.js`)) || { values: {}, thumbnails: [] };
    if (mine !== turn) return;
    const held = page.keys.filter((head) => head.key in run.values);
    const head = held.find((each) => each.key === state.key) || held[0] || { key: "", better: "higher" };
    const values = run.values[head.key];
    order = worstFirst(values, head.better, page.clips.length);
    if (state.c === null) state.c = order[0] ?? 0;
    const name = page.runs[state.g].name;
    at("title").textContent = `${name}: ${page.clips[state.c] ?? "no clip"}`;
    document.title = at("title").textContent;
    options(at("run"), page.runs.map((each, g) => [g, each.anchor ? `${each.name} (anchor)` : each.name]), state.g);
    options(at("key"), held.map((each) => [each.key, each.key]), head.key);
    options(at("clip"), order.map((c) => [c, `${page.clips[c]}  ${values ? spell(values[c]) : ""}`]), state.c);
    at("worse").disabled = order.indexOf(state.c) <= 0;
    at("better").disabled = order.indexOf(state.c) >= order.length - 1;
    at("list-title").textContent = `All clips of ${name}${head.key ? `, worst first by ${head.key}` : ""}`;
    at("list").replaceChildren(...clipList(page, run, state.g, state.c, order, values));
    const rows = held.map((each) => element("tr", {}, element("th", { scope: "row" }, each.key),
      element("td", {}, spell(run.values[each.key][state.c])), element("td", { title: { zero: "nearer to zero is better", none: "no direction" }[each.better] || `${each.better} is better` },
        { higher: "↑", lower: "↓", zero: "→0", none: "" }[each.better])));
    at("values").replaceChildren(element("tbody", {}, ...rows));
    const content = (await load(`data/g${state.g}/c${state.c}.js`)) || { problems: ["the data of this clip are not there"], curves: {} };
    if (mine !== turn) return;
    at("problems").replaceChildren();
    say(content.problems);
    const fps = (content.generated || content.reference || { fps: 25 }).fps;
    const sorted = [...page.keys].sort((one, other) => (other.metric === head.metric) - (one.metric === head.metric));
    curves.show(content.curves, sorted, content.frames || 0, fps);
    player.show(content);
    document.body.dataset.shown = `${state.g},${state.c}`;
  }

  at("run").addEventListener("change", (event) => go({ g: event.target.value }));
  at("key").addEventListener("change", (event) => go({ key: event.target.value, c: null }));
  at("clip").addEventListener("change", (event) => go({ c: event.target.value }));
  at("worse").addEventListener("click", () => go({ c: order[order.indexOf(state.c) - 1] }));
  at("better").addEventListener("click", () => go({ c: order[order.indexOf(state.c) + 1] }));
  at("choice").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", show);
  show();
})();
