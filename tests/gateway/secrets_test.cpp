#include "gateway/secrets.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "gateway/log.hpp"
#include "tests/gateway/temporary_directory.hpp"

namespace gateway {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("secrets: generated once, told once, kept for the owner only") {
  TemporaryDirectory directory;
  const auto data = directory.path() / "deep" / "data";
  auto first = load_secrets(data, Config{});
  REQUIRE(first.has_value());
  CHECK(first->generated.size() == 3);
  CHECK(first->sip_password.size() == 12);
  CHECK(first->http_token.size() == 48);
  CHECK(first->rtsp_password != first->sip_password);
  CHECK(mode_of(data) == 0700);
  CHECK(mode_of(data / "secrets.toml") == 0600);

  auto second = load_secrets(data, Config{});
  REQUIRE(second.has_value());
  CHECK(second->generated.empty());
  CHECK(second->sip_password == first->sip_password);
  CHECK(second->http_token == first->http_token);
  CHECK(second->rtsp_password == first->rtsp_password);
  CHECK(second->nonce_secret == first->nonce_secret);
}

TEST_CASE("secrets: what is configured is not generated") {
  TemporaryDirectory directory;
  Config config;
  config.sip.password = "s";
  config.http.token = "t";
  config.rtsp.users["u"] = "p";
  auto secrets = load_secrets(directory.path(), config);
  REQUIRE(secrets.has_value());
  CHECK(secrets->generated.empty());
  CHECK(secrets->sip_password == "s");
  CHECK(secrets->http_token == "t");
  CHECK(secrets->rtsp_password.empty());
  CHECK(secrets->nonce_secret.size() == 64);
}

TEST_CASE("secrets: a damaged file and an unusable directory are errors, not new passwords") {
  log::set_sink([](log::Level, std::string_view, std::string_view) {});
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "secrets.toml") << "sip_password = \"abc";
  auto damaged = load_secrets(directory.path(), Config{});
  CHECK(damaged.error() == Errc::data_dir_unusable);
  std::ofstream(directory.path() / "file") << "x";
  auto impossible = load_secrets(directory.path() / "file" / "data", Config{});
  CHECK(impossible.error() == Errc::data_dir_unusable);
  log::set_sink({});
}

}  // namespace gateway
