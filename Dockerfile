# syntax=docker/dockerfile:1
# A static binary in an image without a shell, run by nobody in particular.

FROM rust:1.95-bookworm AS build
# The toolchain of the image, whatever rust-toolchain.toml would have rustup download.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# The target is named even where it is the host's: only then does the flag spare build scripts and procedural macros, which can't be
# static.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target="$(uname -m)-unknown-linux-gnu" \
    && RUSTFLAGS="-C target-feature=+crt-static" \
       cargo build --release --locked --bin directory-sync --target "$target" \
    && cp "target/$target/release/directory-sync" /directory-sync \
    && ldd /directory-sync 2>&1 | grep -Eq 'statically linked|not a dynamic executable'

# Certificates, time zones and a user, and nothing else.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /directory-sync /directory-sync
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/directory-sync"]
