// The frame as a data set renders it, and the six numbers of its pose.

const LABELS = { neck_z: "lean", left_eye: "left eye", right_eye: "right eye", mouth: "mouth" };

export class Pad {
  // on.pose(values): the person wants to see another pose
  constructor(parameters, on) {
    this.parameters = parameters;
    this.on = on;
    this.canvas = document.getElementById("frame");
    this.note = document.getElementById("frame-note");
    this.pad = document.getElementById("pad");
    this.dot = document.getElementById("pad-dot");
    this.inputs = {};
    this.values = Object.fromEntries(parameters.map(({ name, rest }) => [name, rest]));
    this.makeSliders();
    this.makePad();
    document.getElementById("rest").addEventListener("click", () => this.rest());
  }

  get vector() { return this.parameters.map(({ name }) => this.values[name]); }

  get isAtRest() { return this.parameters.every(({ name, rest }) => this.values[name] === rest); }

  // Back to the pose of the rest picture, without asking for a picture.
  reset() {
    for (const { name, rest } of this.parameters) this.values[name] = rest;
    this.showValues();
  }

  rest() {
    this.reset();
    this.on.pose();
  }

  set(name, value) {
    const { low, high } = this.parameters.find((parameter) => parameter.name === name);
    this.values[name] = Math.round(Math.min(Math.max(value, low), high) * 100) / 100;
    this.showValues();
    this.on.pose();
  }

  draw(image) {
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, 256, 256);
    if (image) context.drawImage(image, 0, 0, 256, 256);
    this.note.textContent = image ? "256 × 256, as rendered" : "needs a morph for both eyes and the mouth";
    this.canvas.dataset.exact = String(Boolean(image));
  }

  // What the frame will be like, cut out of the front view: until the server has drawn it.
  sketch(bundle, bounds) {
    if (!bundle?.front) return;
    const { view } = bundle.facts;
    const half = bounds.top - bounds.bottom;
    const middle = (bounds.top + bounds.bottom) / 2;
    const scale = view.size / (view.top - view.bottom);
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, 256, 256);
    context.imageSmoothingQuality = "high";
    context.drawImage(
      bundle.front, (bundle.centerX - view.left - half) * scale, (view.top - middle - half) * scale,
      2 * half * scale, 2 * half * scale, 0, 0, 256, 256,
    );
    this.note.textContent = "256 × 256, drawing …";
    this.canvas.dataset.exact = "false";
  }

  showValues() {
    for (const [name, input] of Object.entries(this.inputs)) {
      input.value = this.values[name];
      input.nextElementSibling.textContent = this.values[name].toFixed(2);
    }
    // +1 turns to the viewer's left and up
    this.dot.style.left = `${50 - this.values.head_y * 50}%`;
    this.dot.style.top = `${50 - this.values.head_x * 50}%`;
  }

  makeSliders() {
    const holder = document.getElementById("sliders");
    for (const { name, low, high, rest } of this.parameters) {
      if (!(name in LABELS)) continue;
      const label = document.createElement("label");
      label.innerHTML = `<span>${LABELS[name]}</span><input type="range" step="0.05"><output></output>`;
      const input = label.querySelector("input");
      Object.assign(input, { min: low, max: high, value: rest, name, ariaLabel: LABELS[name] });
      input.addEventListener("input", () => this.set(name, Number(input.value)));
      input.addEventListener("dblclick", () => this.set(name, rest));
      this.inputs[name] = input;
      holder.append(label);
    }
    this.showValues();
  }

  makePad() {
    const follow = (event) => {
      const box = this.pad.getBoundingClientRect();
      const across = ((event.clientX - box.left) / box.width) * 2 - 1;
      const down = ((event.clientY - box.top) / box.height) * 2 - 1;
      this.values.head_y = clamp(-across);
      this.set("head_x", clamp(-down));
    };
    this.pad.addEventListener("pointerdown", (event) => {
      this.pad.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.pad.addEventListener("pointermove", (event) => { if (event.buttons & 1) follow(event); });
    this.pad.addEventListener("dblclick", () => { this.values.head_y = 0; this.set("head_x", 0); });
    this.pad.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: ["head_y", 0.1], ArrowRight: ["head_y", -0.1], ArrowUp: ["head_x", 0.1], ArrowDown: ["head_x", -0.1] }[event.key];
      if (!step) return;
      this.set(step[0], this.values[step[0]] + step[1]);
      event.preventDefault();
    });
  }
}

function clamp(value) {
  return Math.round(Math.min(Math.max(value, -1), 1) * 100) / 100;
}
