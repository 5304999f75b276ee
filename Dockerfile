# syntax=docker/dockerfile:1
# A static binary in an image without a shell, run by nobody in particular.

FROM rust:1.95-bookworm AS build
# The toolchain of the image, whatever rust-toolchain.toml would have rustup download.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    make static && cp target/static/directory-sync /directory-sync

# Certificates, time zones and a user, and nothing else.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /directory-sync /directory-sync
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/directory-sync"]
