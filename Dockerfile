# Talos: the server by default, every other command by argument.
#
#   docker build -t talos .
#   docker run -p 8765:8765 -p 8766:8766 -v talos:/data talos
#   docker run -v alice:/data talos init --name alice
#
# It needs no capability, no root and no writable file system but /data.
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY tools tools
# without scripts: the two packages that have some carry compiled files for Linux
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY . .
# The bundle holds everything but native code: of node_modules two packages are left, and of these what Linux needs.
RUN npm run --silent build -- --no-types \
  && find dist -name '*.map' -delete \
  && mkdir -p out/node_modules/classic-level/prebuilds \
  && cp -r node_modules/node-gyp-build out/node_modules/ \
  && cp node_modules/classic-level/package.json node_modules/classic-level/binding.js node_modules/classic-level/LICENSE \
    out/node_modules/classic-level/ \
  && cp -r node_modules/classic-level/prebuilds/linux-* out/node_modules/classic-level/prebuilds/ \
  && cp -r bin dist package.json oclif.manifest.json LICENSE CHANGELOG.md out/

FROM ${NODE_IMAGE}
COPY --from=build /app/out /app
# The data directory is a folder inside the volume: the root of a volume may belong to somebody else.
RUN ln -s /app/bin/talos.cjs /usr/local/bin/talos \
  && mkdir /data && chown node:node /data
ENV TALOS_DATA_DIR=/data/talos XDG_CACHE_HOME=/data/cache NODE_ENV=production
USER node
WORKDIR /data
VOLUME /data
# TCP, WebSocket; /healthz, /readyz and /metrics
EXPOSE 8765 8766 9090
# of the server, and of every command with --metrics-port 9090
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9090/healthz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/talos.cjs"]
CMD ["server", "--port", "8765", "--metrics-port", "9090", "--metrics-host", "0.0.0.0"]
