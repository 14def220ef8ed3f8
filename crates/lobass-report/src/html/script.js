(() => {
  "use strict";
  const root = document.documentElement;
  // Themes: as the system has it, light, dark.
  const button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"];
  let theme = "auto";
  try { theme = localStorage.getItem("lobass-theme") || theme; } catch { /* not every browser lets a file remember */ }
  const asked = new URLSearchParams(location.search).get("theme");
  if (themes.includes(asked)) theme = asked;
  const show = () => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = "Theme: " + theme;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("lobass-theme", theme); } catch { /* as above */ }
    show();
  });
  show();

  const tip = document.getElementById("tip");
  const say = (text, event) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, innerWidth - box.width - 8);
    const y = event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18;
    tip.style.left = Math.max(8, x) + "px";
    tip.style.top = Math.max(8, y) + "px";
  };
  const hush = () => { tip.hidden = true; };

  // The browser's own tips are slow; what they say goes into ours.
  for (const svg of document.querySelectorAll("svg")) {
    const title = svg.querySelector(":scope > title");
    if (title) { svg.setAttribute("aria-label", title.textContent); svg.removeAttribute("aria-labelledby"); title.remove(); }
  }
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  for (const node of document.querySelectorAll("[title]")) {
    node.dataset.tip = node.title;
    node.removeAttribute("title");
  }
  const signed = (number) => (number < 0 ? "−" : "+") + Math.abs(number).toFixed(2);
  document.addEventListener("pointermove", (event) => {
    const node = event.target.closest?.("[data-tip],[data-l]");
    if (!node) { if (!event.target.closest?.("svg[data-plane]")) hush(); return; }
    if (node.dataset.tip) { say(node.dataset.tip, event); return; }
    const [base, reference] = node.dataset.l.split(" ").map(Number);
    say(`base ${base.toFixed(2)}, reference ${reference.toFixed(2)} nats\nchange ${signed(reference - base)}`, event);
  });
  addEventListener("scroll", hush, { passive: true });

  const number = (value) => {
    const size = Math.abs(value);
    const text = size >= 1000 ? Math.round(value).toLocaleString("en-US") : size >= 100 ? value.toFixed(1) : value.toFixed(3);
    return text.replace("-", "−").replace(/\.0+$/, "");
  };
  const rows = (n) => n.toLocaleString("en-US") + (n === 1 ? " row" : " rows");
  const pointsOf = {};
  for (const script of document.querySelectorAll("script.plane")) {
    const data = JSON.parse(script.textContent);
    if (data.like) {
      const kept = new Set(data.kept);
      data.points = pointsOf[data.like].map((point, at) => [...point.slice(0, 5), kept.has(at)]);
    }
    pointsOf[data.of] = data.points;
    const svg = document.getElementById(data.of);
    const [across, up] = [...svg.querySelectorAll(".lx")].map((label) => label.textContent.replace(/ \(.*\)$/, ""));
    svg.dataset.plane = "";
    const mark = document.createElementNS("http://www.w3.org/2000/svg", data.points ? "circle" : "rect");
    mark.id = "mark";
    const place = (event) => {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    };
    const put = (attributes) => {
      for (const [name, value] of Object.entries(attributes)) mark.setAttribute(name, value);
      svg.append(mark);
    };
    const leave = () => { mark.remove(); hush(); };
    const nearest = (event) => {
      const [x, y] = place(event);
      let best = null, least = 14 * 14;
      for (const point of data.points) {
        const far = (point[0] - x) ** 2 + (point[1] - y) ** 2;
        if (far < least) { least = far; best = point; }
      }
      if (!best) return leave();
      put({ cx: best[0], cy: best[1], r: 4.5 });
      say(`row ${best[2].toLocaleString("en-US")}${best[5] ? ", kept" : ""}\n${across} ${number(best[3])}\n${up} ${number(best[4])}`, event);
    };
    const cellAt = (edges, at, falling) => edges.findIndex((edge, i) => i + 1 < edges.length
      && (falling ? at <= edge && at > edges[i + 1] : at >= edge && at < edges[i + 1]));
    const cells = new Map((data.cells || []).map((cell) => [cell[0] * 1000 + cell[1], cell]));
    const inCell = (event) => {
      const [x, y] = place(event);
      const [column, row] = [cellAt(data.xs, x, false), cellAt(data.ys, y, true)];
      const cell = column < 0 || row < 0 ? null : cells.get(column * 1000 + row);
      if (!cell) return leave();
      const [left, top] = [data.xs[column], data.ys[row + 1]];
      put({ x: left, y: top, width: data.xs[column + 1] - left, height: data.ys[row] - top });
      say(`${rows(cell[2])}, ${cell[3].toLocaleString("en-US")} kept\n${across} ${number(data.x[column])} to ${number(data.x[column + 1])}\n`
        + `${up} ${number(data.y[row])} to ${number(data.y[row + 1])}`, event);
    };
    svg.addEventListener("pointermove", data.points ? nearest : inCell);
    svg.addEventListener("pointerleave", leave);
  }
})();
