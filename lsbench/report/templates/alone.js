"use strict";
// The page of one video that was scored on its own.
(async () => {
  const page = JSON.parse(document.getElementById("page").textContent);
  const problems = document.getElementById("problems");
  const say = (texts) => {
    problems.append(...texts.map((text) => element("li", {}, text)));
    problems.hidden = !problems.children.length;
  };
  const holder = document.getElementById("curves");
  const player = new Player((frame) => curves?.move(frame), (file) => say([`${file} cannot be played; was it moved?`]));
  const curves = holder && new Curves(holder, (frame) => player.seek(frame));
  const content = (await load("data/g0/c0.js")) || { problems: ["the data of this video are not there"], curves: {} };
  say(content.problems);
  curves?.show(content.curves, page.keys, content.frames || 0, (content.generated || { fps: 25 }).fps);
  player.show(content);
  document.body.dataset.shown = "0,0";
})();
