# syntax=docker/dockerfile:1
# One image for every command; `bridge` is what it does by default. Why it looks like this: docs/decisions/0016-image.md.
ARG NODE_IMAGE=docker.io/library/node:24.21.0-trixie-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian13:nonroot

# Of the machine that the image is for. Nothing runs in these two: they are copied from.
FROM ${NODE_IMAGE} AS node
FROM ${BASE_IMAGE} AS base

# Of the machine that builds: packages and JavaScript are the same for all.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# your own npm settings, if you have any: docker build --secret id=npmrc,src=$HOME/.npmrc
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 # sources, declarations and maps are half of the packages, and nothing at run time reads them
 && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete \
 && rm -rf node_modules/.bin node_modules/.package-lock.json
COPY cmd cmd
COPY src src
RUN node --disable-warning=ExperimentalWarning cmd/release/prepack.ts \
 && mv dist /app && mv node_modules /app/node_modules

# The base without the folders that its user may write, and without anything that could be run or runs with another's rights.
COPY --from=base / /files/
RUN rm -rf /files/home /files/tmp /files/var/tmp /files/var/lock /files/run/lock \
 && rm -rf /files/usr/bin/* /files/usr/sbin/* \
 && chmod -R go-w /files \
 && find /files -type f -perm /6000 -exec chmod ug-s {} +

# What V8 has compiled, where the machine that builds is of the kind that the image is for; elsewhere a start takes a
# little longer, and nothing has to be emulated.
FROM build AS cache
ARG BUILDPLATFORM
ARG TARGETPLATFORM
RUN mkdir -p /app/.compile-cache \
 && if [ "$BUILDPLATFORM" = "$TARGETPLATFORM" ]; then node cmd/release/warm-cache.ts; fi \
 && chown -R 0:0 /app/.compile-cache && chmod -R a=rX /app/.compile-cache

FROM scratch
COPY --from=build /files/ /
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app/node_modules /app/node_modules
COPY --from=cache /app/.compile-cache /app/.compile-cache
COPY --from=build /app/package.json /app/package.json
COPY --from=build /app/cmd /app/cmd
COPY --from=build /app/src /app/src
COPY LICENSE /app/LICENSE

ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title=Turnbridge \
      org.opencontainers.image.description="A bridge for the Responses WebSocket transport: clients hold one long-lived socket, any provider answers each turn" \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.source=https://github.com/turnbridge/turnbridge \
      org.opencontainers.image.documentation=https://github.com/turnbridge/turnbridge/tree/main/docs \
      org.opencontainers.image.base.name=gcr.io/distroless/cc-debian13:nonroot \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION

ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/.compile-cache \
    TURNBRIDGE_REVISION=$REVISION \
    PATH=/usr/local/bin
WORKDIR /app
USER 65532:65532
EXPOSE 8787 9464
# 8 MiB for young objects: left to itself Node takes several times as much memory, and more time (docs/decisions/0009).
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=8", "/app/cmd/turnbridge.js"]
CMD ["bridge", "--routes", "/etc/turnbridge/routes", "--listen", "0.0.0.0:8787", "--ops-listen", "0.0.0.0:9464"]
