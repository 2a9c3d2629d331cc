# The front door. Everything real is in meson.build and tools/.
BUILD ?= build

all: setup-build $(BUILD)/build.ninja
	ninja -C $(BUILD) safelight

$(BUILD)/build.ninja:
	meson setup $(BUILD) --buildtype=debugoptimized

setup-build:
	@tools/setup build

demo: all
	@tools/setup demo
	tools/demo

check:
	@tools/setup check
	tools/check

bench: all
	@tools/setup bench
	tools/bench

fuzz:
	@tools/setup check
	tools/fuzz --seconds $(or $(SECONDS_EACH),600)

install: all
	meson install -C $(BUILD)

deb:
	@tools/setup deb
	tools/deb

clean:
	rm -rf build build-*

.PHONY: all setup-build demo check bench fuzz install deb clean
