// gbgate: the life of the process on one page.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "gateway/config.hpp"
#include "gateway/gateway.hpp"
#include "gateway/log.hpp"
#include "gateway/secrets.hpp"

namespace {

using namespace gateway;

int fail(const std::string& why) {
  fmt::print(stderr, "gbgate: {}\n", why);
  return 1;
}

// A viewer is a descriptor, a camera two: the default of 1,024 is soon used up.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void show_generated(const Secrets& secrets, const std::string& data_dir) {
  for (const auto& made : secrets.generated)
    fmt::print(stderr, "generated {}: {}  (kept in {}/secrets.toml; shown only now)\n", made.what,
               made.value, data_dir);
}

int run(const Config& config) {
  auto secrets = load_secrets(config.server.data_dir, config);
  if (!secrets)
    return fail(
        fmt::format("data directory {:?}: {}", config.server.data_dir, secrets.error().message()));
  show_generated(*secrets, config.server.data_dir);
  const auto file = std::filesystem::path(config.server.data_dir) / "gbgate.db";
  auto store = DeviceStore::open(file);
  if (!store) return fail(fmt::format("database {:?}: {}", file.string(), store.error().message()));
  Gateway gateway(config, std::move(*secrets), std::move(*store));
  if (const auto started = gateway.start(); !started) return fail(started.error());
  gateway.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("gbgate: GB/T 28181 cameras as RTSP streams. Starts without any argument.",
               "gbgate");
  std::string config_path, role;
  bool check = false;
  app.add_option("-c,--config", config_path, "configuration file (TOML); see gbgate.example.toml");
  app.add_option("--role", role,
                 "all: signalling and media in this process; media: a media node without SIP")
      ->check(CLI::IsMember({"all", "signalling", "media"}));
  app.add_flag("--check", check, "read the configuration, say what is wrong with it, and exit");
  app.set_version_flag("--version", "gbgate " GBGATE_VERSION);
  CLI11_PARSE(app, argc, argv);

  auto config = load_config(config_path);
  if (!config) return fail(config.error().message);
  if (role == "signalling") config->server.role = Role::signalling;
  if (role == "media") config->server.role = Role::media;
  if (check) {
    fmt::print("configuration is good\n");
    return 0;
  }
  if (config->server.role == Role::signalling)
    return fail("role signalling is not there yet: nothing here drives a media node elsewhere");
  log::set_level(config->server.log_level);
  raise_descriptor_limit();
  return run(*config);
}
