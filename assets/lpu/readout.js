// A cursor over the timelines: what runs in a cycle, and how busy each kind of unit is. The page is whole without it.
"use strict";
const { units, charts, operations } = JSON.parse(document.getElementById("step").textContent);
document.querySelectorAll(".timeline[data-chart]").forEach((chart) => {
  const { first, last, shares } = charts[chart.dataset.chart];
  const [control, cursor] = [chart.querySelector(".readout"), chart.querySelector(".cursor")];
  const [range, told, drawn] = [control.querySelector("input"), control.querySelector("output"), chart.querySelector(".drawn")];
  const show = (cycle) => {
    const share = (cycle - first) / (last - first);
    const [outer, inner] = [chart.getBoundingClientRect(), drawn.getBoundingClientRect()];
    cursor.style.left = `${inner.left - outer.left + share * inner.width}px`;
    cursor.hidden = false;
    const running = operations.filter(([, start, end]) => start <= cycle && cycle < end).map(([name]) => name);
    const bin = Math.min(Math.floor(share * shares[0].length), shares[0].length - 1);
    const busy = units.map((name, row) => [name, shares[row][bin]]).filter(([, part]) => part > 0);
    told.textContent = `cycle ${cycle.toLocaleString("en")}: ${running.join(", ") || "nothing runs"} · `
      + (busy.map(([name, part]) => `${name} ${part}\u00a0%`).join(" · ") || "no unit is busy");
  };
  control.hidden = false;
  range.addEventListener("input", () => show(Number(range.value)));
  chart.addEventListener("pointermove", (event) => {
    const { left, width } = drawn.getBoundingClientRect();
    const share = (event.clientX - left) / width;
    if (share < 0 || share >= 1 || control.contains(event.target)) return;
    range.value = String(Math.floor(first + share * (last - first)));
    show(Number(range.value));
  });
});
