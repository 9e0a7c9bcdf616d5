# The broker under gunicorn: as one unprivileged account, with nothing of the demonstration inside. Needs /data to
# write to and /tmp; all else may be read-only:
#   docker run --read-only --tmpfs /tmp -v broker-data:/data -p 8080:8080 --env-file broker.env broker

FROM python:3.13-slim AS environment
WORKDIR /app
COPY bootstrap.py ./
COPY requirements requirements
RUN python bootstrap.py run && rm -rf .venv/tools

FROM python:3.13-slim
RUN groupadd --gid 10001 broker && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin broker
RUN install -d -o broker -g broker -m 0700 /data
WORKDIR /app
COPY --from=environment /app/.venv .venv
COPY wsgi.py ./
COPY broker broker
COPY adapters adapters
COPY policies policies
RUN .venv/bin/python -m compileall -q broker adapters wsgi.py
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
ENV BROKER_DATA_FOLDER=/data BROKER_BIND=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
USER 10001:10001
HEALTHCHECK --interval=15s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=3)"]
CMD ["broker", "serve"]
