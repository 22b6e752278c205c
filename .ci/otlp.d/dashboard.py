"""Scrapes the example with Prometheus, asks each query of the dashboard, and draws the panels."""

import html
import json
import pathlib
import sys
import tempfile
import time
import urllib.parse

from programs import can_connect, free_port, get, running, wait_for

COLOURS = ["#2980b9", "#c0392b", "#27ae60", "#8e44ad", "#d35400", "#16a085", "#7f8c8d", "#f39c12", "#2c3e50"]


def query(prometheus, expression, seconds):
    """The series of the last seconds, with at least one number each."""
    # Grafana's interval, at least four scrapes.
    expression = expression.replace("$__rate_interval", "20s")
    end = time.time()
    parameters = {"query": expression, "start": end - seconds, "end": end, "step": max(1, seconds // 120)}
    reply = json.loads(get(f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(parameters)}"))
    series = []
    for result in reply["data"]["result"]:
        points = [(float(at), float(value)) for at, value in result["values"] if value not in ("NaN", "+Inf")]
        if points:
            series.append((result["metric"], points))
    return series


def legend(form, labels):
    for name in ("http_response_status_code", "error_type", "http_request_method", "url_template", *labels):
        form = form.replace("{{" + name + "}}", labels.get(name, ""))
    return " ".join(form.split())


def panel(title, unit, series, x, y):
    """One panel as SVG, 500 x 230."""
    top = max((value for _, points in series for _, value in points), default=1) * 1.1 or 1
    begin = min((points[0][0] for _, points in series), default=0)
    end = max((points[-1][0] for _, points in series), default=1)
    out = [f'<g transform="translate({x},{y})"><rect width="490" height="220" fill="#fff" stroke="#ddd"/>']
    out.append(f'<text x="10" y="18" font-weight="bold">{html.escape(title)}</text>')
    for share in (0, 0.5, 1):
        line = 150 - 115 * share
        out.append(f'<path d="M50 {line}H480" stroke="#eee"/><text x="45" y="{line + 4}" text-anchor="end" fill="#777">{top * share:.3g}</text>')
    for index, (name, points) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        path = "".join(f"{'L' if at else 'M'}{50 + 430 * (when - begin) / (end - begin or 1):.0f} {150 - 115 * value / top:.0f}" for at, (when, value) in enumerate(points))
        out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        if index < 6:
            left, line = 50 + 225 * (index % 2), 172 + 16 * (index // 2)
            short = name if len(name) < 33 else "…" + name[-31:]
            out.append(f'<rect x="{left}" y="{line - 8}" width="10" height="3" fill="{colour}"/><text x="{left + 14}" y="{line - 2}">{html.escape(short)}</text>')
    out.append(f'<text x="480" y="18" text-anchor="end" fill="#777">{unit}</text></g>')
    return "\n".join(out)


def main():
    pictures = "pictures" in sys.argv
    seconds = 300 if pictures else 24
    folder = pathlib.Path(tempfile.mkdtemp(prefix="onehorizon-prometheus."))
    exporter, port = free_port(), free_port()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: example\n  static_configs:\n"
        f"  - targets: ['127.0.0.1:{exporter}']\n"
    )
    server = [
        *("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"),
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    dashboard = json.loads(pathlib.Path("docs/grafana-dashboard.json").read_text())
    drawn, failures = [], []
    with running([sys.argv[1], f"127.0.0.1:{exporter}", str(seconds + 30)], folder / "example.log"):
        wait_for("the example", lambda: can_connect(exporter))
        with running(server, folder / "prometheus.log"):
            wait_for("Prometheus", lambda: can_connect(port))
            time.sleep(seconds)
            for index, described in enumerate(dashboard["panels"]):
                series = []
                for target in described["targets"]:
                    found = query(f"http://127.0.0.1:{port}", target["expr"], seconds)
                    if not found:
                        failures.append(f"{described['title']}: no data for {target['expr']}")
                    series += [(legend(target["legendFormat"], labels), points) for labels, points in found]
                unit = described["fieldConfig"]["defaults"]["unit"]
                drawn.append(panel(described["title"], unit, series, 5 + 500 * (index % 2), 5 + 230 * (index // 2)))
    for failure in failures:
        print(f"otlp: {failure}", file=sys.stderr)
    print(f"{len(dashboard['panels'])} panels of the dashboard, with data from Prometheus")
    if pictures:
        height = 230 * ((len(drawn) + 1) // 2) + 5
        start = f'<svg xmlns="http://www.w3.org/2000/svg" width="1000" height="{height}" font-family="sans-serif" font-size="11">'
        body = "\n".join([start, '<rect width="100%" height="100%" fill="#fafafa"/>', *drawn, "</svg>"])
        pathlib.Path("docs/images/dashboard.svg").write_text(body + "\n")
    sys.exit(1 if failures else 0)


main()
