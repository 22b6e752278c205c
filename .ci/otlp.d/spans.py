"""Sends the example's spans and metrics through a collector and checks what comes out of it."""

import gzip
import html
import http.server
import importlib
import pathlib
import pkgutil
import re
import subprocess
import sys
import tempfile
import threading

import opentelemetry.semconv._incubating.attributes as incubating
import opentelemetry.semconv.attributes as stable
import rotel
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.semconv.metrics import http_metrics
from programs import can_connect, free_port, running, wait_for

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
# What tracing-opentelemetry adds to each span by itself.
ADDED = re.compile(r"code\.|thread\.|busy_ns$|idle_ns$|target$|level$")
failures = []


def check(is_right, what):
    if not is_right:
        failures.append(what)


def conventions():
    """The names of all attributes that are published and not deprecated."""
    names = set()
    for package in (stable, incubating):
        for module in pkgutil.iter_modules(package.__path__):
            text = pathlib.Path(module.module_finder.path, f"{module.name}.py").read_text()
            loaded = importlib.import_module(f"{package.__name__}.{module.name}")
            for constant, value in vars(loaded).items():
                described = re.search(rf'^{constant}: Final = .*?\n"""(.*?)"""', text, re.M | re.S)
                is_deprecated = described and "Deprecated" in described[1]
                if constant.isupper() and isinstance(value, str) and not is_deprecated:
                    names.add(value)
    return names


def table(heading):
    """The first column of a table in docs/observability.md, and what is quoted in its last."""
    lines = pathlib.Path("docs/observability.md").read_text().splitlines()
    rows = lines[lines.index(heading) + 2 :]
    rows = rows[: next(index for index, row in enumerate(rows + [""]) if not row.startswith("|"))]
    cells = [row.strip("|").split("|") for row in rows]
    return {cell[0].strip(" `"): set(re.findall("`([^`]+)`", cell[-1])) for cell in cells}


class Sink(http.server.BaseHTTPRequestHandler):
    """What the collector exports to."""

    spans, metrics, raw = [], [], []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        body = gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body
        self.raw.append(body)
        if self.path.endswith("/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.spans.extend(span for scope in resource.scope_spans for span in scope.spans)
        elif self.path.endswith("/metrics"):
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics.extend(metric for scope in resource.scope_metrics for metric in scope.metrics)
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def attributes(holder):
    """The attributes of a span or a data point."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in holder.attributes}


def collect(example):
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    grpc, otlp = free_port(), free_port()
    folder = tempfile.mkdtemp(prefix="onehorizon-otlp.")
    collector = [
        *(str(pathlib.Path(rotel.__file__).parent / "rotel-agent"), "start", "--exporter", "otlp"),
        *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc}", "--otlp-http-endpoint", f"127.0.0.1:{otlp}"),
        *("--otlp-exporter-endpoint", f"http://127.0.0.1:{sink.server_port}", "--otlp-exporter-protocol", "http"),
        *("--pid-file", f"{folder}/pid", "--log-file", f"{folder}/log"),
    ]
    with running(collector, f"{folder}/out"):
        wait_for("the collector", lambda: can_connect(otlp))
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp}", "NO_PROXY": "127.0.0.1"}
        done = subprocess.run([example], env=environment, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise SystemExit(f"otlp: the example failed\n{done.stdout}{done.stderr}")
        wait_for("what was exported", lambda: Sink.metrics and any(span.name == "nightly job" for span in Sink.spans))
    sink.shutdown()
    return done.stdout.splitlines()


def check_spans(sent):
    known, documented = conventions(), table("| name | kind | level | fields |")
    for name, fields in documented.items():
        for field in fields:
            is_ours = "." not in field or field.startswith("otel.")
            check(is_ours or field in known, f"the field {field} of {name} is in no convention")
    spans = {span.span_id: span for span in Sink.spans}
    children = {}
    for span in spans.values():
        children.setdefault(span.parent_span_id, []).append(span)
        for name in attributes(span):
            documents = any(name in fields for fields in documented.values())
            check(documents or ADDED.match(name) or span.name == "nightly job", f"{name} of {span.name} is undocumented")

    client = [span for span in spans.values() if span.kind == Span.SPAN_KIND_CLIENT]
    check(len(client) >= 10, f"{len(client)} client spans")
    numbers = {"attempt", "status", "retry_number", "server.port", "http.request.resend_count", "http.response.status_code"}
    for span in spans.values():
        for name in numbers & attributes(span).keys():
            check(isinstance(attributes(span)[name], int), f"{name} of {span.name} is not a number")
    for span in client:
        values = attributes(span)
        check({"http.request.method", "server.address", "server.port", "url.template"} <= values.keys(), f"{span.name}: {values}")
        check(span.name == f"{values['http.request.method']} {values['url.template']}", f"the name {span.name}")
        has_failed = int(values.get("http.response.status_code", 500)) >= 400
        cancelled = values.get("error.type") == "cancelled"
        is_error = span.status.code == Status.STATUS_CODE_ERROR
        check(cancelled or is_error == has_failed == ("error.type" in values), f"{span.name}: {values}")
        check(spans[span.parent_span_id].kind == Span.SPAN_KIND_INTERNAL, f"the parent of {span.name}")

    calls = [span for span in spans.values() if span.name == "fetchTask"]
    repeated = [attributes(attempt) for call in calls for attempt in children.get(call.span_id, []) if len(children[call.span_id]) == 2]
    repeated = [(one.get("http.request.resend_count"), one.get("http.response.status_code"), one.get("error.type")) for one in repeated]
    for expected in [(None, 503, "503"), (None, 429, "429"), (1, 200, None)]:
        check(expected in repeated, f"{expected} is not among {repeated}")

    job = next(span for span in spans.values() if span.name == "nightly job")
    inside = {span.name for span in children[job.span_id]}
    check({"listTasks", "fetchTask", "request", "editTask"} <= inside, f"the job has {inside}")

    deliveries = [span for span in spans.values() if span.kind == Span.SPAN_KIND_CONSUMER]
    check(sorted(attributes(span)["outcome"] for span in deliveries) == ["duplicate", "handled", "handler_failed"], "deliveries")
    for span in deliveries:
        check((span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT), f"{span.name} does not continue its trace")
        check(span.name == "CloudEvents Process task.created", f"the name {span.name}")

    # Each context that the service got is the one of an attempt.
    attempts = {f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in client}
    contexts = [line.split()[1] for line in sent]
    check(len(contexts) >= 9 and set(contexts) <= attempts, f"the service got {contexts}")
    return job, children


def check_metrics():
    known, documented = conventions(), table("| name | kind | labels |")
    received = {metric.name: metric for metric in Sink.metrics}
    # There is no pacing, and no header says how much is left.
    missing = documented.keys() - received.keys() - {"onehorizon.quota.remaining", "onehorizon.quota.limit"}
    check(not missing, f"metrics that did not arrive: {missing}")
    for name, metric in received.items():
        data = getattr(metric, metric.WhichOneof("data"))
        labels = {label for point in data.data_points for label in attributes(point)}
        check(labels <= documented.get(name, set()), f"{name} has {labels}")
        for label in labels:
            check("." not in label or label.startswith("onehorizon.") or label in known, f"{label} is in no convention")
    duration = received[http_metrics.HTTP_CLIENT_REQUEST_DURATION]
    check((duration.unit, duration.WhichOneof("data")) == ("s", "histogram"), f"the unit is {duration.unit}")
    check(duration.description == "Duration of HTTP client requests.", duration.description)


def draw(job, children, path):
    """The spans of the job as bars, one below the other."""
    rows, start = [], job.start_time_unix_nano

    def add(span, depth):
        rows.append((span, depth))
        for child in sorted(children.get(span.span_id, []), key=lambda child: child.start_time_unix_nano):
            add(child, depth + 1)

    add(job, 0)
    length = max(span.end_time_unix_nano for span, _ in rows) - start
    left, width, height = 480, 420, 22
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 110}" height="{height * (len(rows) + 1)}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for row, (span, depth) in enumerate(rows):
        values = attributes(span)
        x = left + width * (span.start_time_unix_nano - start) / length
        long = (span.end_time_unix_nano - span.start_time_unix_nano) / length * width
        failed = span.status.code == Status.STATUS_CODE_ERROR
        colour = "#c0392b" if failed else "#2980b9" if span.kind == Span.SPAN_KIND_CLIENT else "#7f8c8d"
        note = values.get("http.response.status_code", values.get("error.type", ""))
        note = f"{note} · resend {values['http.request.resend_count']}" if "http.request.resend_count" in values else note
        milliseconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
        y = height * row + 18
        out.append(f'<text x="{8 + 16 * depth}" y="{y}" fill="#222">{html.escape(span.name)}</text>')
        out.append(f'<rect x="{x:.1f}" y="{y - 11}" width="{max(long, 2):.1f}" height="13" fill="{colour}"/>')
        out.append(f'<text x="{left - 8}" y="{y}" text-anchor="end" fill="{colour}">{note}</text>')
        out.append(f'<text x="{left + width + 8}" y="{y}" fill="#666">{milliseconds:,.1f} ms</text>')
    pathlib.Path(path).parent.mkdir(exist_ok=True)
    pathlib.Path(path).write_text("\n".join(out) + "\n</svg>\n")


def main():
    sent = collect(sys.argv[1])
    job, children = check_spans(sent)
    check_metrics()
    everything = b"".join(Sink.raw)
    for secret in (b"secret", b"Bearer", b"tsk_of_nobody"):
        check(secret not in everything, f"{secret} was exported")
    for failure in failures:
        print(f"otlp: {failure}", file=sys.stderr)
    print(f"{len(Sink.spans)} spans and {len({metric.name for metric in Sink.metrics})} metrics from the collector, as the conventions say")
    if "pictures" in sys.argv:
        draw(job, children, "docs/images/trace.svg")
    sys.exit(1 if failures else 0)


main()
