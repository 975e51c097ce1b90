"use strict";
// What the data files of the page call; a page opened from disk can load scripts, and nothing else.
const lsbench = { arrived: null, run(content) { this.arrived = content; }, clip(content) { this.arrived = content; } };

const loaded = new Map();

function load(file) {
  if (!loaded.has(file)) {
    loaded.set(file, new Promise((resolve) => {
      const tag = document.createElement("script");
      tag.src = file;
      tag.onload = () => { resolve(lsbench.arrived); tag.remove(); };
      tag.onerror = () => resolve(null);
      document.head.append(tag);
    }));
  }
  return loaded.get(file);
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function spell(value) {
  if (value === null || value === undefined) return "undefined";
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : value;
}

// Clips without a value come last.
function worstFirst(values, better, count) {
  const places = [...Array(count).keys()];
  if (!values) return places;
  const sign = better === "higher" ? 1 : -1;
  const held = (place) => Number(String(values[place]).replace("inf", "Infinity"));
  const number = (place) => better === "zero" ? Math.abs(held(place)) : held(place);
  const known = places.filter((place) => values[place] !== null);
  return known.sort((one, other) => sign * (number(one) - number(other)) || one - other)
    .concat(places.filter((place) => values[place] === null));
}

function clipList(page, run, g, c, order, values) {
  return order.map((place) => {
    const picture = run.thumbnails[place];
    const seen = picture
      ? element("img", { src: `media/${picture}.jpg`, alt: "", loading: "lazy", width: 160, height: 128 })
      : element("span", { class: "blank" }, "no picture");
    const link = element("a", { href: `#g=${g}&c=${place}`, "aria-current": place === c ? "true" : null },
      seen, element("b", {}, page.clips[place]), element("span", { class: "value" }, values ? spell(values[place]) : ""));
    return element("li", {}, link);
  });
}
