# Stage one builds the wheel and the environment, stage two holds that environment and nothing else.
# scripts/prove-dockerfile runs the RUN lines below without a container engine.
FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/build && /opt/build/bin/pip install --quiet --require-hashes -r requirements-build.lock
RUN python -m venv /opt/crmsync && /opt/crmsync/bin/pip install --quiet --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY mappings mappings
COPY src src
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/crmsync/bin/pip install --quiet --no-deps --no-index dist/*.whl \
    && /opt/crmsync/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/crmsync/lib

FROM python:3.11.13-slim-bookworm
# The root file system may be read-only (docker run --read-only): code never writes beside itself, state is a volume.
ENV PATH=/opt/crmsync/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/data TMPDIR=/data
COPY --from=build /opt/crmsync /opt/crmsync
RUN groupadd --system --gid 10001 crmsync && useradd --system --uid 10001 --gid 10001 --no-create-home crmsync \
    && install --directory --owner=crmsync --group=crmsync --mode=0700 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=60s --timeout=10s --start-period=60s --retries=3 CMD ["crmsync", "worker", "--health"]
ENTRYPOINT ["crmsync"]
CMD ["worker"]
