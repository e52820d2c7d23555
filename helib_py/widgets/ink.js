// From strokes to the 28×28 pixels that the network knows, as MNIST's were made: the drawing fits
// a box of 20×20, and its centre of mass is the centre of the image.

const SIDE = 28;
const BOX = 20;
const PEN = 2.5; // pixels, about what MNIST's pens were
const FINE = 4; // each pixel is the mean of 4×4

/** Strokes are lists of points [x, y]; gives 784 numbers from 0 to 1, or null without ink. */
function pixelsOf(strokes) {
  const points = strokes.flat();
  if (!points.length) return null;
  const [left, right] = ends(points.map(([x]) => x));
  const [top, bottom] = ends(points.map(([, y]) => y));
  const size = Math.max(right - left, bottom - top);
  const zoom = size > 0.02 ? (BOX - PEN) / size : 0; // of a dot, only a dot is left
  const placed = (dx, dy) => strokes.map((stroke) => stroke.map(([x, y]) =>
    [SIDE / 2 + dx + zoom * (x - (left + right) / 2), SIDE / 2 + dy + zoom * (y - (top + bottom) / 2)]));
  const [x, y] = centreOfMass(rasterise(placed(0, 0)));
  return rasterise(placed(SIDE / 2 - x, SIDE / 2 - y));
}

const ends = (numbers) => [Math.min(...numbers), Math.max(...numbers)];

/** The ink in each pixel; a canvas draws the lines, finer than the pixels. */
function rasterise(strokes) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE * FINE;
  const pen = canvas.getContext("2d");
  pen.scale(FINE, FINE);
  Object.assign(pen, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    pen.beginPath();
    for (const [x, y] of [stroke[0], ...stroke]) pen.lineTo(x, y); // twice the first: a dot is a line
    pen.stroke();
  }
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const pixels = new Float64Array(SIDE * SIDE);
  for (let i = 0; i < canvas.width * canvas.height; i++) {
    const [row, column] = [Math.floor(i / canvas.width / FINE), Math.floor((i % canvas.width) / FINE)];
    pixels[row * SIDE + column] += data[4 * i + 3] / 255 / FINE ** 2;
  }
  return pixels.map((v) => Math.min(v, 1)); // sums may end a rounding above
}

function centreOfMass(pixels) {
  let [total, x, y] = [0, 0, 0];
  pixels.forEach((v, i) => {
    total += v;
    x += v * ((i % SIDE) + 0.5);
    y += v * (Math.floor(i / SIDE) + 0.5);
  });
  return [x / total, y / total];
}
