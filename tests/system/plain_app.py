"""A service that knows nothing of us: FastAPI or Flask, instrumented by OpenTelemetry's packages alone, exporters by environment."""

import argparse
import threading
from wsgiref.types import WSGIApplication

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from flask import Flask
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from werkzeug.serving import make_server

HOST = "127.0.0.1"


def instrument() -> None:
    """What `opentelemetry-instrument` does: both signals, every setting its default or from `OTEL_*`."""
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
    tracer = TracerProvider()
    tracer.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracer)


def fastapi_app() -> FastAPI:
    app = FastAPI()

    @app.post("/checkout/{status}")
    async def checkout(status: int) -> JSONResponse:
        return JSONResponse({}, status)

    @app.get("/refund/{order}")
    def refund(order: str) -> JSONResponse:
        raise RuntimeError(order)

    @app.get("/about")
    async def about() -> JSONResponse:
        return JSONResponse({})

    FastAPIInstrumentor.instrument_app(app)
    return app


def flask_app() -> Flask:
    app = Flask("plain")
    FlaskInstrumentor().instrument_app(app)

    @app.post("/checkout/<int:status>")
    def checkout(status: int) -> tuple[str, int]:
        return "{}", status

    @app.get("/refund/<order>")
    def refund(order: str) -> str:
        raise RuntimeError(order)

    @app.get("/about")
    def about() -> str:
        return "{}"

    return app


def serve_wsgi(app: WSGIApplication, port: int) -> None:
    server = make_server(HOST, port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    thread.join()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("framework", choices=["fastapi", "flask"])
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    instrument()
    if arguments.framework == "fastapi":
        uvicorn.run(fastapi_app(), host=HOST, port=arguments.port, log_level="error")
    else:
        serve_wsgi(flask_app(), arguments.port)


if __name__ == "__main__":
    main()
