/** Pixels of a picture's edge that stay free when everything is shown. */
const MARGIN = 36;
const ZOOM = { min: 0.02, max: 8, fitMax: 1.6 } as const;

/** What of the picture is seen: the point in the middle, and pixels for each of its units. */
export class Camera {
  x = 0;
  y = 0;
  zoom = 1;
  width = 1;
  height = 1;
  /** Whether somebody has moved it: then it is left where it is. */
  isTouched = false;

  /** From the picture to the screen. */
  toScreen(x: number, y: number): readonly [number, number] {
    return [(x - this.x) * this.zoom + this.width / 2, (y - this.y) * this.zoom + this.height / 2];
  }

  /** From the screen to the picture. */
  toWorld(x: number, y: number): readonly [number, number] {
    return [(x - this.width / 2) / this.zoom + this.x, (y - this.height / 2) / this.zoom + this.y];
  }

  /** What is seen, and so much around it, in units of the picture. */
  view(around: number): {
    readonly left: number;
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
  } {
    const across = this.width / 2 / this.zoom + around;
    const down = this.height / 2 / this.zoom + around;
    return { left: this.x - across, top: this.y - down, right: this.x + across, bottom: this.y + down };
  }

  /** Moves by so many pixels. */
  pan(dx: number, dy: number): void {
    this.isTouched = true;
    this.x -= dx / this.zoom;
    this.y -= dy / this.zoom;
  }

  /** Zooms, with one point of the screen where it is. */
  zoomAt(x: number, y: number, factor: number): void {
    this.isTouched = true;
    const [wx, wy] = this.toWorld(x, y);
    this.zoom = Math.min(ZOOM.max, Math.max(ZOOM.min, this.zoom * factor));
    const [sx, sy] = this.toScreen(wx, wy);
    this.x += (sx - x) / this.zoom;
    this.y += (sy - y) / this.zoom;
  }

  /** Shows a point in the middle. */
  show(x: number, y: number): void {
    this.isTouched = true;
    this.x = x;
    this.y = y;
    this.zoom = Math.max(this.zoom, 1);
  }

  /** Shows everything. Answers whether there is anything. */
  fit(x: Float32Array, y: Float32Array): boolean {
    let [left, top, right, bottom] = [1e9, 1e9, -1e9, -1e9];
    for (let slot = 0; slot < x.length; slot++) {
      const [px, py] = [x[slot]!, y[slot]!];
      if (Number.isNaN(px)) continue;
      if (px < left) left = px;
      if (px > right) right = px;
      if (py < top) top = py;
      if (py > bottom) bottom = py;
    }
    if (right < left) return false;
    this.x = (left + right) / 2;
    this.y = (top + bottom) / 2;
    const across = (this.width - 2 * MARGIN) / Math.max(1, right - left);
    const down = (this.height - 2 * MARGIN) / Math.max(1, bottom - top);
    this.zoom = Math.min(ZOOM.fitMax, Math.max(ZOOM.min, Math.min(across, down)));
    return true;
  }

  /** As a link has it. */
  get text(): string {
    return `${Math.round(this.x)},${Math.round(this.y)},${this.zoom.toFixed(3)}`;
  }

  /** Reads it; what cannot be read leaves it as it is. */
  read(text: string): void {
    const [x, y, zoom] = text.split(',').map(Number);
    if (![x, y, zoom].every(Number.isFinite)) return;
    this.isTouched = true;
    this.x = x!;
    this.y = y!;
    this.zoom = Math.min(ZOOM.max, Math.max(ZOOM.min, zoom!));
  }
}
