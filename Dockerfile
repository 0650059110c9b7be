# One image for every command; `bridge` is what it does by default. TypeScript runs as it is written, so there is no
# build stage: only the production packages and the sources.
FROM node:24.21-slim

ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force
COPY cmd cmd
COPY src src

USER node
EXPOSE 8787 9464
# 8 MiB for young objects: left to itself Node takes several times as much memory, and more time (docs/decisions/0009).
ENTRYPOINT ["node", "--max-semi-space-size=8", "/app/cmd/turnbridge.ts"]
CMD ["bridge", "--routes", "/etc/turnbridge/routes", "--listen", "0.0.0.0:8787", "--ops-listen", "0.0.0.0:9464"]
