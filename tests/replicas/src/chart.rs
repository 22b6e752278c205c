//! The chart of `docs/replicas.md`: makespan / optimum and refusals of each variant, as bars.

use std::fmt::Write;

/// Name, makespan / optimum, refusals.
pub type Row<'a> = (&'a str, f64, usize);

const WIDTH: f64 = 840.0;
const ROW: usize = 24;
const TOP: usize = 44;
/// Where the bars of the makespan and of the refusals begin, and how long they may be.
const BARS: [(f64, f64); 2] = [(330.0, 180.0), (610.0, 160.0)];

pub fn svg(rows: &[Row<'_>]) -> String {
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(1.0_f64, f64::max);
    let scales = [most(&mut rows.iter().map(|row| row.1)), most(&mut rows.iter().map(|row| row.2 as f64))];
    let height = TOP + ROW * rows.len() + 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let mut text = |x: f64, y: usize, words: &str| {
        let _ = writeln!(svg, "<text x=\"{x:.0}\" y=\"{y}\">{words}</text>");
    };
    text(10.0, 24, "4 processes");
    text(BARS[0].0, 24, "makespan / optimum");
    text(BARS[1].0, 24, "refusals (429)");
    let mut bars = String::new();
    for (index, (name, ratio, refused)) in rows.iter().enumerate() {
        let y = TOP + ROW * index;
        text(10.0, y + 13, name);
        let values = [(*ratio, format!("{ratio:.3}")), (*refused as f64, refused.to_string())];
        for (((x, length), scale), (value, label)) in BARS.iter().zip(scales).zip(values) {
            let width = value / scale * length;
            let _ =
                writeln!(bars, "<rect x=\"{x:.0}\" y=\"{y}\" width=\"{width:.1}\" height=\"16\" fill=\"#4477aa\"/>");
            text(x + width + 6.0, y + 13, &label);
        }
    }
    svg + &bars + "</svg>\n"
}
