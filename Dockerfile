# The receiver in a small image: no root, no compiler, nothing but the binary and root certificates.
ARG RUST=1-slim-bookworm
ARG DEBIAN=bookworm-slim

FROM rust:${RUST} AS build
WORKDIR /build
COPY . .
# Queries are checked against .sqlx, so that building needs no database.
RUN SQLX_OFFLINE=true cargo build --release --locked --bin vod-receiver

FROM debian:${DEBIAN}
# For the calls to Tencent Cloud; the C library comes with the base image.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 vod-receiver \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/vod-receiver --shell /usr/sbin/nologin vod-receiver \
    && install -d -o vod-receiver -g vod-receiver -m 0750 /var/lib/vod-receiver
COPY --from=build /build/target/release/vod-receiver /usr/local/bin/vod-receiver

USER vod-receiver
WORKDIR /var/lib/vod-receiver
ENV VOD_RECEIVER_LISTEN=0.0.0.0:8080 \
    VOD_RECEIVER_DATA_DIR=/var/lib/vod-receiver
VOLUME /var/lib/vod-receiver
EXPOSE 8080
# Alive is enough: without Postgres it still takes notifications, and restarting it would not bring Postgres back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["vod-receiver", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["vod-receiver"]
CMD ["serve"]
