// The front and the side view, and the two lines across them.

const LINES = ["bottom", "top"];

export class Views {
  // on.move(line, y, isDone): a person drags a line; on.pick(line): makes it the active one
  constructor(on) {
    this.on = on;
    this.front = document.getElementById("front");
    this.side = document.getElementById("side");
    this.frameBox = document.getElementById("frame-box");
    this.bundle = null;
    this.overlay = null; // {image, row, cell}
    this.bounds = { bottom: 0, top: 1 };
    this.lines = Object.fromEntries(
      LINES.map((name) => [name, [...document.querySelectorAll(`.line[data-line=${name}]`)]]),
    );
    for (const name of LINES) for (const element of this.lines[name]) this.makeDraggable(element, name);
    new ResizeObserver(() => this.resize()).observe(this.front.parentElement);
    new ResizeObserver(() => this.resize()).observe(this.side.parentElement);
  }

  show(bundle) {
    this.bundle = bundle;
    this.draw();
  }

  setOverlay(overlay) {
    this.overlay = overlay;
    this.drawFront();
  }

  setBounds(bounds, activeLine) {
    this.bounds = bounds;
    for (const name of LINES) {
      for (const element of this.lines[name]) element.classList.toggle("active", name === activeLine);
    }
    this.place();
  }

  resize() {
    for (const canvas of [this.front, this.side]) {
      const { clientWidth, clientHeight } = canvas.parentElement;
      const ratio = window.devicePixelRatio || 1;
      const width = Math.max(1, Math.round(clientWidth * ratio));
      const height = Math.max(1, Math.round(clientHeight * ratio));
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    }
    this.draw();
    this.place();
  }

  draw() {
    this.drawFront();
    this.drawView(this.side, this.bundle?.side);
  }

  // A morph's small picture is put into the large one at full size, pixel on pixel, so that no seam shows.
  drawFront() {
    const { overlay, bundle } = this;
    if (!overlay || !bundle?.front) { this.drawView(this.front, bundle?.front); return; }
    const { image, row, cell } = overlay;
    const { size } = bundle.facts.view;
    this.sheet ??= document.createElement("canvas");
    Object.assign(this.sheet, { width: size, height: size });
    const context = this.sheet.getContext("2d");
    context.drawImage(bundle.front, 0, 0);
    context.clearRect(cell.left, cell.top, cell.width, cell.height);
    context.drawImage(image, 0, row * cell.height, cell.width, cell.height, cell.left, cell.top, cell.width, cell.height);
    this.drawView(this.front, this.sheet);
  }

  // The picture is as high as the view; what is too wide is cut on both sides.
  drawView(canvas, image) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!image) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, (canvas.width - canvas.height) / 2, 0, canvas.height, canvas.height);
  }

  yToPixel(y, height) {
    const { bottom, top } = this.bundle.facts.view;
    return ((top - y) / (top - bottom)) * height;
  }

  place() {
    if (!this.bundle?.facts) return;
    const { view } = this.bundle.facts;
    for (const name of LINES) {
      for (const element of this.lines[name]) {
        const height = element.parentElement.clientHeight;
        const pixel = this.yToPixel(this.bounds[name], height);
        element.style.transform = `translateY(${Math.min(Math.max(pixel, 0), height)}px)`;
      }
    }
    const side = this.front.parentElement.clientHeight;
    const half = this.bounds.top - this.bounds.bottom; // the frame is twice the head
    const middle = (this.bounds.top + this.bounds.bottom) / 2;
    const scale = side / (view.top - view.bottom);
    const offset = (this.front.parentElement.clientWidth - side) / 2;
    const center = this.bundle.centerX - view.left;
    Object.assign(this.frameBox.style, {
      left: `${offset + (center - half) * scale}px`, top: `${(view.top - middle - half) * scale}px`,
      width: `${2 * half * scale}px`, height: `${2 * half * scale}px`,
    });
  }

  makeDraggable(element, name) {
    let start = null;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.bundle?.facts) return;
      start = { y: event.clientY, value: this.bounds[name] };
      element.setPointerCapture(event.pointerId);
      this.on.pick(name);
      event.preventDefault();
    });
    const follow = (event, isDone) => {
      if (!start) return;
      const { bottom, top } = this.bundle.facts.view;
      const moved = ((start.y - event.clientY) * (top - bottom)) / element.parentElement.clientHeight;
      const value = start.value + moved;
      if (isDone) start = null;
      if (moved !== 0) this.on.move(name, value, isDone);
    };
    element.addEventListener("pointermove", (event) => follow(event, false));
    element.addEventListener("pointerup", (event) => follow(event, true));
    element.addEventListener("pointercancel", (event) => follow(event, true));
  }
}
