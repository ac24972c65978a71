# The images of docker-compose.yml; docs/decisions/0015_container_image.md says why they are built so. One base for all, and nothing that
# only BuildKit knows: docker-compose 1.29 builds without it.

# The releases of PostgreSQL and Redis that the tests run against. First, because the older builder makes every stage above the one it is asked for.
FROM debian:bookworm-slim AS postgres
RUN groupadd --system --gid 999 postgres \
 && useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql --shell /usr/sbin/nologin postgres \
 && apt-get update \
 && apt-get install -y --no-install-recommends openssl postgresql-common \
 && sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
 && apt-get install -y --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql \
 && install -d -o postgres -g postgres -m 700 /var/lib/postgresql
COPY deploy/postgres /usr/local/lib/gatehouse
USER 999:999
# A fast shutdown; with SIGTERM the server would wait for its clients.
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/local/lib/gatehouse/start"]

FROM debian:bookworm-slim AS redis
RUN groupadd --system --gid 998 redis \
 && useradd --system --uid 998 --gid 998 --home-dir /nonexistent --shell /usr/sbin/nologin redis \
 && apt-get update \
 && apt-get install -y --no-install-recommends redis-server \
 && rm -rf /var/lib/apt/lists/*
USER 998:998
ENTRYPOINT ["redis-server"]
CMD ["/run/secrets/redis.conf"]

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY scripts/install scripts/
COPY scripts/parts scripts/parts
RUN scripts/install build
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY migrations migrations
COPY gateway gateway
RUN cmake --preset release && cmake --build --preset release --target gatehouse
COPY deploy/assemble_image deploy/
RUN deploy/assemble_image build/release/gatehouse /image && mkdir /empty

FROM scratch AS gatehouse
COPY --from=build /image /
# For an SQLite file, on a volume: sqlite:/var/lib/gatehouse/gatehouse.db
COPY --from=build --chown=65532:65532 /empty /var/lib/gatehouse
USER 65532:65532
EXPOSE 8443 8080
# Asks whether the process works, not whether the store does: to end a gateway because its store is down would take the public routes too.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/gatehouse", "health", "--live"]
ENTRYPOINT ["/gatehouse"]
CMD ["run", "--config", "/etc/gatehouse/routes.yaml"]
