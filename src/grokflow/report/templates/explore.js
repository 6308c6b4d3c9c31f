"use strict";
// Three sections: paths, runs (trainings) and sweeps. Each has choices above, one plot, and below it the numbers,
// links to its tables, and the pictures that show the same.
const data = JSON.parse(document.getElementById("data").textContent);
const HUES = {train: "#0072b2", validation: "#d55e00"};
const GREY = "#c8c8c8";
const REGIMES = [["does not memorise", "#e3e3e3"], ["memorises", "#f6d9c6"], ["groks", "#a8cf9a"], ["generalises at once", "#a9c9ea"]];
const ALL = "all seeds";
const inReport = location.protocol === "blob:";  // then no file lies beside this page
const narrow = () => document.querySelector("main").clientWidth < 700;

function section(id) {
  const root = document.getElementById(id);
  const find = (selector) => root.querySelector(selector);
  return {root, find, name: find(".name"), seed: find(".seed"), plot: find(".plot"), said: find(".said"),
    entry: () => data[id][find(".name").value]};
}

function fill(select, texts) {
  const before = select.value;
  select.replaceChildren(...texts.map((text) => new Option(text)));
  if (texts.includes(before)) select.value = before;
  return texts.includes(before);
}

// A logarithmic axis whose every tick says its whole number: 20 and 50, not 2 and 5.
const logarithmic = (format = "~g") => ({type: "log", tickformat: format});

function draw(part, traces, layout, alt) {
  const base = {margin: {l: 60, r: 15, t: 30, b: 45}, font: {size: 13}, hovermode: "closest",
    legend: {orientation: "h", y: 1.02, yanchor: "bottom", x: 0}};
  part.plot.setAttribute("aria-label", alt);
  for (const [key, axis] of Object.entries(layout)) {
    if (/^[xy]axis/.test(key)) layout[key] = {zeroline: false, automargin: true, ...axis, title: {...axis.title, standoff: 6, font: {size: 13}}};
  }
  Plotly.react(part.plot, traces, {...base, ...layout, width: part.plot.parentElement.clientWidth}, {displaylogo: false});
}

function clear(part) {
  Plotly.purge(part.plot);
  part.plot.replaceChildren();
  part.find(".values").replaceChildren();
}

function tabulate(part, rows) {
  part.find(".values").replaceChildren(...rows.map(([name, ...values]) => {
    const row = document.createElement("tr");
    const head = Object.assign(document.createElement("th"), {scope: "row", textContent: name});
    row.append(head, ...values.map((value) => Object.assign(document.createElement("td"), {textContent: value ?? "–"})));
    return row;
  }));
}

// The tables in their folder, and what is drawn as a file to keep, which needs no folder.
function link(part, tables, fileName, header, rows) {
  const csv = [header, ...rows].map((row) => row.map((value) => value ?? "").join(",")).join("\n") + "\n";
  const own = Object.assign(document.createElement("a"), {textContent: `Download these numbers (${fileName})`,
    href: "data:text/csv;charset=utf-8," + encodeURIComponent(csv), download: fileName});
  const others = inReport ? [] : tables.map((path) => Object.assign(document.createElement("a"), {href: path, textContent: path}));
  part.find(".links").replaceChildren(own, ...others);
}

function showPictures(part) {
  const place = part.find(".pictures");
  document.getElementById("pictures").append(...place.children);
  place.append(...part.entry().figures.map((name) => document.getElementById("picture-" + name)).filter(Boolean));
}

const line = (x, colour, dash = "solid", width = 1) =>
  ({type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: {color: colour, width, dash}});

// ---- along a path

const PANELS = [
  ["cross-entropy + L2 (nats)", {train: "train_loss_l2", validation: "validation_loss_l2"}],
  ["error", {train: "train_error", validation: "validation_error"}],
  ["gradient norm", {train: "gradient_norm"}],
  ["weight norm", {train: "weight_norm"}],
];
const MEASURED = {
  arc_length: "arc length", train_loss: "train cross-entropy (nats)", train_loss_l2: "train cross-entropy + L2 (nats)",
  train_error: "train error", validation_loss: "validation cross-entropy (nats)",
  validation_loss_l2: "validation cross-entropy + L2 (nats)", validation_error: "validation error",
  gradient_norm: "gradient norm", gradient_norm_l2: "gradient norm with L2", weight_norm: "weight norm ‖φ(t)‖",
};
const paths = section("paths");
const slider = paths.find(".t");

function drawPath() {
  const {seeds} = paths.entry();
  const chosen = seeds[paths.seed.value];
  showPictures(paths);
  if (chosen.skipped) {
    clear(paths);
    paths.find(".links").replaceChildren();
    paths.said.textContent = `There is no such path: ${chosen.skipped}.`;
    return;
  }
  paths.said.textContent = `From ${chosen.ends[0]} (t = 0) to ${chosen.ends[1]} (t = 1).`;
  slider.max = chosen.t.length - 1;
  const measured = Object.values(seeds).filter((each) => !each.skipped && each !== chosen);
  const traces = [];
  PANELS.forEach(([title, columns], place) => {
    const axes = {xaxis: place ? `x${place + 1}` : "x", yaxis: place ? `y${place + 1}` : "y"};
    if (paths.find(".others").checked) {
      const grey = {x: [], y: []};  // one curve with gaps is faster than one a seed
      for (const other of measured) for (const column of Object.values(columns)) {
        grey.x.push(...other.t, null);
        grey.y.push(...other[column], null);
      }
      traces.push({...grey, ...axes, mode: "lines", line: {color: GREY, width: 1}, name: "other seeds", hoverinfo: "skip", showlegend: !place});
    }
    for (const [split, column] of Object.entries(columns)) {
      traces.push({x: chosen.t, y: chosen[column], ...axes, mode: "lines+markers", marker: {size: 4}, name: split, legendgroup: split,
        showlegend: !place, line: {color: HUES[split], width: 2, dash: split === "train" ? "solid" : "dash"}});
    }
  });
  const layout = {height: narrow() ? 1100 : 620, shapes: [], annotations: [],
    grid: {rows: narrow() ? 4 : 2, columns: narrow() ? 1 : 2, pattern: "independent", ygap: narrow() ? .3 : .28}};
  PANELS.forEach(([title], place) => {
    layout[`xaxis${place ? place + 1 : ""}`] = {title: {text: "t"}, range: [-.02, 1.02]};
    layout[`yaxis${place ? place + 1 : ""}`] = {title: {text: title}, rangemode: "tozero"};
  });
  draw(paths, traces, layout, `Loss, error, gradient norm and weight norm along ${paths.name.value}, seed ${paths.seed.value}; the numbers at t stand below.`);
  const file = `${paths.name.value}_seed_${paths.seed.value}.csv`;
  const columns = ["t", "segment", ...Object.keys(MEASURED)];
  link(paths, [`paths/${paths.name.value}/seed_${paths.seed.value}/metrics.csv`], file, columns,
    chosen.t.map((_, i) => columns.map((column) => chosen[column][i])));
  paths.plot.removeAllListeners?.("plotly_hover");
  paths.plot.on("plotly_hover", ({points}) => {
    const at = chosen.t.indexOf(points[0].x);
    if (at >= 0 && Number(slider.value) !== at) { slider.value = at; markT(); }
  });
  markT();
}

function markT() {
  const chosen = paths.entry().seeds[paths.seed.value];
  if (chosen.skipped) return;
  const at = Number(slider.value);
  const t = chosen.t[at];
  paths.find("output").textContent = `t = ${t}`;
  slider.setAttribute("aria-valuetext", `t = ${t}`);
  const shapes = PANELS.flatMap((_, place) => {
    const on = {xref: `x${place ? place + 1 : ""}`, yref: `y${place ? place + 1 : ""} domain`};
    return [...chosen.bends.map((bend) => ({...line(bend, "#888", "dot"), ...on})), {...line(t, "#222", "solid", 2), ...on}];
  });
  Plotly.relayout(paths.plot, {shapes});
  tabulate(paths, Object.entries(MEASURED).map(([column, name]) => [name, chosen[column][at]]));
}

// ---- trainings

// Of each panel the title, its curves by split, and its axis. The last one is of models with scale-invariant groups only.
const SPLITS = (ending) => ({train: "train" + ending, validation: "validation" + ending});
const CURVES = [
  ["accuracy", SPLITS("_accuracy"), {type: "linear"}],
  ["cross-entropy (nats)", SPLITS("_loss"), logarithmic()],
  ["η/‖θ‖²", {all: "effective_learning_rate"}, logarithmic("~e")],
  ["η/‖θ‖², invariant groups", {all: "invariant_effective_learning_rate"}, logarithmic("~e")],
];
const runs = section("runs");
const zoom = runs.find(".zoom");

function drawRun() {
  const chosen = runs.entry().seeds[runs.seed.value];
  showPictures(runs);
  const spans = chosen.collapses.map(([start, end], i) => `collapse ${i + 1}: ${start} to ${end}`);
  fill(zoom, ["all", ...spans]);
  const points = ["point_1", "point_2"].filter((point) => chosen[point] !== null);
  const said = points.map((point) => `${point.replace("_", " ")} at epoch ${chosen[point]}`);
  runs.said.textContent = [...said, `${chosen.collapses.length || "no"} collapse${chosen.collapses.length === 1 ? "" : "s"}`,
    ...(chosen.diverged ? [`diverged: ${chosen.diverged}`] : [])].join("; ") + (chosen.collapses.length ? ". A collapse is shaded." : ".");
  const traces = [];
  const drawn = [];
  const panels = CURVES.filter(([, curves], place) => place < 3 || Object.values(curves).some((name) => chosen[name][0].length));
  panels.forEach(([, curves], place) => {
    for (const [split, name] of Object.entries(curves)) {
      const [x, y] = chosen[name];
      drawn.push(...x.map((epoch, i) => [name, epoch, y[i]]));
      traces.push({x, y, xaxis: "x", yaxis: place ? `y${place + 1}` : "y", mode: "lines", name: split, legendgroup: split,
        showlegend: !place, line: {color: HUES[split] ?? "#333", width: 1.5, dash: split === "validation" ? "dash" : "solid"}});
    }
  });
  const shapes = [
    ...chosen.collapses.map(([start, end]) => ({type: "rect", x0: start, x1: end, y0: 0, y1: 1, yref: "paper", layer: "below",
      fillcolor: "#bdbdbd", line: {color: "#bdbdbd", width: 1}})),
    ...points.map((point) => line(chosen[point], "#222", point === "point_1" ? "dot" : "dash", 1.5)),
  ];
  const annotations = points.map((point) => ({x: chosen[point], y: 1, yref: "paper", yanchor: "bottom", showarrow: false,
    text: point.replace("_", " "), font: {size: 11}}));
  const layout = {height: 100 + 200 * panels.length, shapes, annotations,
    grid: {rows: panels.length, columns: 1, shared_xaxes: true, subplots: panels.map((_, place) => [place ? `xy${place + 1}` : "xy"]), ygap: .12},
    xaxis: {title: {text: "epoch"}, type: "linear"}, legend: {orientation: "h", y: 1.05, yanchor: "bottom", x: 0}, margin: {l: 65, r: 15, t: 60, b: 45}};
  const collapse = chosen.collapses[zoom.selectedIndex - 1];
  panels.forEach(([title, curves, axis], place) => {
    const range = collapse && {range: fitted(Object.values(curves).map((name) => chosen[name]), around(collapse), axis.type)};
    layout[`yaxis${place ? place + 1 : ""}`] = {title: {text: title}, ...axis, ...range};
  });
  if (runs.find(".logarithmic").checked) {
    Object.assign(layout.xaxis, logarithmic());
    const logarithm = (value) => value > 0 ? Math.log10(value) : 0;
    annotations.forEach((annotation) => { annotation.x = logarithm(annotation.x); });
    if (collapse) layout.xaxis.range = around(collapse).map(logarithm);
  } else {
    layout.xaxis.range = collapse ? around(collapse) : [0, chosen.last * 1.01];
  }
  draw(runs, traces, layout, `Accuracy, loss and effective learning rate of ${runs.name.value}, seed ${runs.seed.value}, against epoch. ${runs.said.textContent}`);
  const folder = `runs/${runs.name.value}/seed_${runs.seed.value}/`;
  link(runs, ["history.csv", "epochs.csv", "periods.csv"].map((file) => folder + file), `${runs.name.value}_seed_${runs.seed.value}.csv`,
    ["curve", "epoch", "value"], drawn);
}

// The range of an axis over what the curves do in a window: between two points a curve is a straight line on its axis.
function fitted(curves, [from, to], type) {
  const scale = type === "log" ? (value) => value > 0 ? Math.log10(value) : null : (value) => value;
  const seen = [];
  for (const [x, values] of curves) {
    const y = values.map((value) => value === null ? null : scale(value));
    x.forEach((epoch, i) => {
      if (y[i] !== null && from <= epoch && epoch <= to) seen.push(y[i]);
      if (!i || y[i] === null || y[i - 1] === null) return;
      for (const edge of [from, to]) {
        if (x[i - 1] < edge && edge < epoch) seen.push(y[i - 1] + (y[i] - y[i - 1]) * (edge - x[i - 1]) / (epoch - x[i - 1]));
      }
    });
  }
  if (!seen.length) return undefined;
  const [least, most] = [Math.min(...seen), Math.max(...seen)];
  const margin = .05 * (most - least) || .05;
  return [least - margin, most + margin];
}

function around([start, end]) {
  const margin = Math.max(10, end - start);
  return [Math.max(1, start - margin), end + margin];
}

// ---- sweeps

const sweeps = section("sweeps");

function drawSweep() {
  const sweep = sweeps.entry();
  showPictures(sweeps);
  const rows = sweep.seed.map((_, i) => i).filter((i) => sweeps.seed.value === ALL || String(sweep.seed[i]) === sweeps.seed.value);
  const name = (key) => key.replace(/^.*\./, "").replaceAll("_", " ");
  const told = (i) => `seed ${sweep.seed[i]}: ${sweep.regime[i]}, point 1 ${sweep.point_1[i] ?? "never"}, point 2 ${sweep.point_2[i] ?? "never"}`;
  const title = (i) => sweep.keys.map((key, k) => `${name(key)} = ${sweep.values[k][i]}`).join(", ");
  sweeps.said.textContent = sweep.is_grid ? "A cell has the colour of the regime of most of its seeds, and says how many of them are in it where they disagree."
    : ["point_1", "point_2"].map((point) => `${point.replace("_", " ")} was reached by ${rows.filter((i) => sweep[point][i] !== null).length} of ${rows.length}`)
      .join("; ") + ".";
  if (sweep.keys.length === 2) (sweep.is_grid ? drawGrid : drawPlane)(sweep, rows, name, told, title);
  else drawValues(sweep, rows, name, told, title);
  link(sweeps, [`sweeps/${sweeps.name.value}.csv`], `${sweeps.name.value}.csv`,
    [...sweep.keys, "seed", "regime", "point_1", "point_2", "validation_error"],
    rows.map((i) => [...sweep.values.map((values) => values[i]), sweep.seed[i], sweep.regime[i], sweep.point_1[i], sweep.point_2[i], sweep.validation_error[i]]));
  tabulate(sweeps, REGIMES.map(([regime]) => [regime, rows.filter((i) => sweep.regime[i] === regime).length, "trainings"]));
}

function legend(regimes) {
  return regimes.map(([regime, colour]) => ({x: [null], y: [null], mode: "markers", name: regime, marker: {symbol: "square", size: 14, color: colour, line: {color: "#888", width: 1}}}));
}

function drawGrid(sweep, rows, name, told, title) {
  const [ys, xs] = sweep.values.map((values) => [...new Set(values)].sort((a, b) => a - b));
  const z = [], text = [], hover = [];
  for (const y of ys) {
    const line = {z: [], text: [], hover: []};
    for (const x of xs) {
      const cell = rows.filter((i) => sweep.values[1][i] === x && sweep.values[0][i] === y);
      const counts = REGIMES.map(([regime]) => cell.filter((i) => sweep.regime[i] === regime).length);
      const most = Math.max(...counts);
      line.z.push(cell.length ? counts.indexOf(most) : null);
      line.text.push(cell.length && most < cell.length ? `${most}/${cell.length}` : "");
      line.hover.push(cell.length ? [`<b>${title(cell[0])}</b>`, ...cell.map(told)].join("<br>") : "");
    }
    z.push(line.z); text.push(line.text); hover.push(line.hover);
  }
  const scale = REGIMES.flatMap(([, colour], i) => [[i / 4, colour], [(i + 1) / 4, colour]]);
  const cells = {type: "heatmap", x: xs.map(String), y: ys.map(String), z, text, hovertext: hover, texttemplate: "%{text}", hovertemplate: "%{hovertext}<extra></extra>",
    zmin: -.5, zmax: 3.5, colorscale: scale, showscale: false, xgap: 2, ygap: 2};
  draw(sweeps, [cells, ...legend(REGIMES)], {height: 480, xaxis: {title: {text: name(sweep.keys[1])}, type: "category"},
    yaxis: {title: {text: name(sweep.keys[0])}, type: "category"}}, `Regimes over ${sweep.keys.map(name).join(" and ")}; the table below counts them.`);
}

function drawPlane(sweep, rows, name, told, title) {
  const traces = REGIMES.map(([regime, colour]) => {
    const own = rows.filter((i) => sweep.regime[i] === regime);
    return {x: own.map((i) => sweep.values[1][i]), y: own.map((i) => sweep.values[0][i]), text: own.map((i) => `<b>${title(i)}</b><br>${told(i)}`), name: regime,
      mode: "markers", showlegend: false, marker: {size: 13, color: colour, line: {color: "#555", width: 1}}, hovertemplate: "%{text}<extra></extra>"};
  });
  const across = rows.map((i) => sweep.values[1][i]);
  const steps = Math.max(...across) > 10 * Math.min(...across) ? {dtick: "D2"} : {};  // 1, 2, 5, 10: all that a narrow page has room for
  draw(sweeps, [...traces, ...legend(REGIMES)], {height: 480, xaxis: {title: {text: name(sweep.keys[1])}, ...logarithmic(), ...steps},
    yaxis: {title: {text: name(sweep.keys[0])}}}, `Regimes over ${sweep.keys.map(name).join(" and ")}; the table below counts them.`);
}

// Of one key, or of several that are varied one at a time: the epochs of the points at each value.
function drawValues(sweep, rows, name, told, title) {
  const usual = sweep.values.map((values) => {
    const counts = new Map();
    values.forEach((value) => counts.set(value, (counts.get(value) ?? 0) + 1));
    return [...counts].sort((a, b) => b[1] - a[1])[0][0];
  });
  const varied = (i) => sweep.keys.findIndex((_, k) => sweep.values[k][i] !== usual[k]);
  const alone = sweep.keys.length === 1;
  const label = (i) => alone ? String(sweep.values[0][i]) : varied(i) < 0 ? "none varied" : name(sweep.keys[varied(i)]);
  const symbols = {point_1: "circle-open", point_2: "circle"};
  const traces = ["point_1", "point_2"].map((point) => ({x: rows.map(label), y: rows.map((i) => sweep[point][i]), text: rows.map((i) => `<b>${title(i)}</b><br>${told(i)}`),
    name: point.replace("_", " "), mode: "markers", hovertemplate: "%{text}<extra></extra>",
    marker: {symbol: symbols[point], size: 8, opacity: .7, color: point === "point_1" ? HUES.train : HUES.validation}}));
  const order = [...new Set(rows.map(label))];
  if (alone) order.sort((a, b) => a - b);
  draw(sweeps, traces, {height: 440, xaxis: {title: {text: alone ? name(sweep.keys[0]) : "varied alone"}, type: "category", categoryorder: "array", categoryarray: order},
    yaxis: {title: {text: "epoch"}, ...logarithmic()}}, `Epochs of points 1 and 2 against ${alone ? name(sweep.keys[0]) : "what was varied alone"}; a point that was not reached is not drawn.`);
}

// ---- choices

// The page opens on the first name and seed that have something to show.
function start(part, drawing, seedsOf, isThere = () => true) {
  const entries = data[part.root.id];
  const names = Object.keys(entries);
  if (!names.length) return;
  const firstSeed = (entry) => seedsOf(entry).find((seed) => isThere(entry, seed));
  fill(part.name, names);
  part.name.value = names.find((name) => firstSeed(entries[name]) !== undefined) ?? names[0];
  const changed = () => {
    const entry = part.entry();
    const first = firstSeed(entry);
    if (!fill(part.seed, seedsOf(entry)) && first !== undefined) part.seed.value = first;
    drawing();
  };
  part.name.addEventListener("change", changed);
  part.seed.addEventListener("change", drawing);
  changed();
}

slider.addEventListener("input", markT);
paths.find(".others").addEventListener("change", drawPath);
zoom.addEventListener("change", drawRun);
runs.find(".logarithmic").addEventListener("change", drawRun);
start(paths, drawPath, (entry) => Object.keys(entry.seeds), (entry, seed) => !entry.seeds[seed].skipped);
start(runs, drawRun, (entry) => Object.keys(entry.seeds));
start(sweeps, drawSweep, (entry) => [ALL, ...[...new Set(entry.seed)].map(String)]);

let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;  // on a telephone scrolling changes the height
  width = window.innerWidth;
  for (const [part, drawing] of [[paths, drawPath], [runs, drawRun], [sweeps, drawSweep]]) if (part.name.value) drawing();
});
