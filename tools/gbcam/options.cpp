#include "tools/gbcam/options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <map>

#include "gb28181/device_id.hpp"

namespace gbcam {
namespace {

// The text of options whose values CLI11 does not know.
struct Texts {
  std::string server = "127.0.0.1:5060";
  std::string local_ip;
  bool utf8 = false;
};

void add_seconds(CLI::App& app, const std::string& name, Seconds& target, const std::string& what) {
  const auto set = [&target](const double& value) { target = Seconds(value); };
  app.add_option_function<double>(name, set, what)->check(CLI::NonNegativeNumber);
}

// An option with a few names for values.
template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& target,
                        std::map<std::string, T> table, const std::string& what) {
  const CLI::IsMember known(table);
  const auto set = [&target, table](const std::string& value) { target = table.at(value); };
  return app.add_option_function<std::string>(name, set, what)->check(known);
}

void add_sip(CLI::App& app, SipOptions& sip, Texts& texts) {
  app.add_option("--server", texts.server, "the platform, HOST:PORT (an address)")
      ->capture_default_str();
  app.add_option("--server-id", sip.server_id, "its id")->capture_default_str();
  app.add_option("--domain", sip.domain, "SIP domain (default: first ten digits of --server-id)");
  add_choice<sip::Transport>(app, "--sip-transport", sip.transport,
                             {{"udp", sip::Transport::udp}, {"tcp", sip::Transport::tcp}},
                             "SIP over udp or tcp (udp)");
  app.add_option("--local-ip", texts.local_ip, "our address for SIP and media");
  app.add_option("--sip-port", sip.port, "our SIP port (default: a free one)");
  app.add_option("--user", sip.user, "digest user name (default: the device's id)");
  app.add_option("--password", sip.password, "digest password");
  app.add_option_function<unsigned>(
      "--expires", [&sip](unsigned value) { sip.expires = std::chrono::seconds(value); },
      "registration expiry to ask for, s (3600)");
  add_seconds(app, "--keepalive", sip.keepalive, "keepalive interval, s (60); 0: none");
  app.add_option("--keepalive-misses", sip.keepalive_misses, "then register again")
      ->capture_default_str();
  add_seconds(app, "--retry", sip.retry, "pause after a failed registration, s (5)");
  app.add_option("--register-rate", sip.register_rate, "devices per second that start")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  using gb28181::Edition;
  add_choice<Edition>(app, "--edition", sip.edition,
                      {{"2011", Edition::y2011},
                       {"2014", Edition::y2014},
                       {"2016", Edition::y2016},
                       {"2022", Edition::y2022}},
                      "edition of GB/T 28181 (2022)");
  app.add_flag("!--no-version", sip.send_version, "do not send X-GB-Ver");
}

void add_fleet(CLI::App& app, FleetOptions& fleet) {
  app.add_option("--devices", fleet.devices, "number of devices")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--channels", fleet.channels, "channels of each")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  app.add_option("--id", fleet.first_device_id, "id of the first device; the others count up")
      ->capture_default_str();
  app.add_option("--channel-id", fleet.first_channel_id,
                 "id of the first channel; the others count up over all devices")
      ->capture_default_str();
  app.add_option("--max-calls", fleet.max_calls, "calls of one device; beyond: 486")
      ->capture_default_str();
}

void add_catalog(CLI::App& app, CatalogOptions& catalog, Texts& texts) {
  app.add_option("--catalog-page", catalog.page, "catalog items in one message")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_flag("--catalog-burst", catalog.at_once, "all pages at once, not one after each 200");
  app.add_flag("--utf8", texts.utf8, "bodies in UTF-8");
  app.add_flag("--gbk", catalog.gbk_names, "names with characters beyond GB 2312");
  app.add_option("--declare", catalog.declared, "charset to declare, whatever the bytes are");
}

void add_media(CLI::App& app, MediaOptions& media) {
  auto* file = app.add_option("--file", media.file, "media file to play, over and over");
  auto* raw = app.add_option_function<std::string>(
      "--raw-ps",
      [&media](const std::string& path) {
        media.file = path;
        media.raw_ps = true;
      },
      "program stream whose bytes are sent as they are");
  file->check(CLI::ExistingFile)->excludes(raw);
  raw->check(CLI::ExistingFile);
  app.add_option("--fps", media.fps, "frame rate of a raw .h264 or .h265 file (25)")
      ->check(CLI::Range(1.0, 240.0));
  app.add_flag("!--no-audio", media.audio, "leave the sound out");
  app.add_option("--payload", media.payload_bytes, "RTP payload bytes at most (1400)")
      ->check(CLI::Range(64, 60'000));
  app.add_flag("--early-media", media.early, "send from the 200 on, before ACK");
  app.add_flag(
      "--stamp", [&media](std::int64_t) { media.stamp = StampUnit::nanoseconds; },
      "CLOCK_MONOTONIC ns of sending in an SEI of each frame (GBGATE-STAMP-NS1)");
  app.add_flag(
      "--stamp-us", [&media](std::int64_t) { media.stamp = StampUnit::microseconds; },
      "the same in us, as the measuring tools read it (GBMEASURE-STAMP1)");
  app.add_option("--pts-start", media.pts_start_90khz, "first PTS, 90 kHz (90000)");
  app.add_option_function<double>(
      "--pts-jump", [&media](double value) { media.pts_jump = Seconds(value); },
      "all clocks of a call jump by so many s (may be negative)");
  add_seconds(app, "--pts-jump-after", media.pts_jump_after, "when they jump, s into a call (5)");
}

void add_faults(CLI::App& app, MediaOptions& media, CallOptions& call) {
  Faults& faults = media.faults;
  app.add_option("--loss", faults.loss_percent, "RTP packets lost, %")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--reorder", faults.reorder_percent, "packets out of order, %")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--duplicate", faults.duplicate_percent, "packets twice, %")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option_function<unsigned>(
      "--jitter", [&faults](unsigned value) { faults.jitter = std::chrono::milliseconds(value); },
      "each frame up to so many ms late");
  app.add_option("--seed", faults.seed, "of all randomness in faults (1)");
  add_choice<SsrcFault>(
      app, "--ssrc", media.ssrc,
      {{"wrong", SsrcFault::wrong}, {"zero", SsrcFault::zero}, {"missing", SsrcFault::missing}},
      "RTP with another SSRC than y=, both zero, or no y= at all");
  app.add_flag("--no-psm", media.map.none, "never a program stream map");
  app.add_flag("--psm-once", media.map.once, "a map only in the first key frame of a call");
  app.add_flag("--wrong-stream-type", media.map.wrong_type, "the map names the other video codec");
  app.add_flag("--announce-audio-only-in-psm", media.map.audio_only_in_map,
               "the map announces sound that never comes");
  app.add_flag("!--no-marker", media.marker, "RTP marker never set");
  app.add_flag("--no-media", media.none, "200 OK, and nothing follows");
  add_seconds(app, "--silence-after", media.silence_after, "media stops, the call stays, s");
  app.add_option("--reject", call.reject, "answer every INVITE with this status")
      ->check(CLI::Range(300, 699));
  app.add_flag("--no-answer", call.no_answer, "never answer an INVITE");
  app.add_flag_callback(
      "--ignore-key-requests", [&call] { call.key_on_request = KeyOnRequest::ignored; },
      "go on with the own interval when asked for a key frame");
  add_seconds(app, "--answer-after", call.answer_after, "ring so long before the 200, s");
  add_seconds(app, "--bye-after", call.bye_after, "hang up so long after ACK, s");
}

void add_life(CLI::App& app, LifeOptions& life) {
  add_seconds(app, "--die-after", life.die_after, "exit without BYE or unregistering, s");
  add_seconds(app, "--restart-after", life.restart_after,
              "fall silent without a word, and come back from nothing, s");
  add_seconds(app, "--restart-pause", life.restart_pause, "how long it stays away, s (5)");
  add_seconds(app, "--run-for", life.run_for, "end by itself, in order, s");
  app.add_option("--stats", life.stats_file, "write counters as JSON on exit");
  app.add_flag("--quiet", life.quiet, "print no events");
}

[[noreturn]] void refuse(const std::string& why) {
  fmt::print(stderr, "gbcam: {}\n", why);
  std::exit(2);
}

void check_id(const std::string& option, const std::string& id) {
  const auto parsed = gb28181::DeviceId::parse(id);
  if (!parsed || !parsed->is_standard()) refuse(option + ": not an id of 20 digits: " + id);
}

void complete(Options& options, const Texts& texts) {
  const auto server = sip::Address::parse(texts.server, 5060);
  if (!server) refuse("--server: not an address with port: " + texts.server);
  options.sip.server = *server;
  if (!texts.local_ip.empty()) {
    options.sip.local_ip = sip::IpAddress::parse(texts.local_ip);
    if (!options.sip.local_ip) refuse("--local-ip: not an address: " + texts.local_ip);
  }
  if (options.sip.domain.empty()) options.sip.domain = options.sip.server_id.substr(0, 10);
  if (texts.utf8) options.catalog.charset = gb28181::Charset::utf8;
  check_id("--id", options.fleet.first_device_id);
  check_id("--channel-id", options.fleet.first_channel_id);
  if (options.media.file.empty() && !options.media.none && !options.call.no_answer &&
      options.call.reject == 0)
    refuse("--file or --raw-ps is needed (or --no-media, --no-answer, --reject)");
}

}  // namespace

Options read_options(int argc, char** argv) {
  Options options;
  Texts texts;
  CLI::App app("gbcam: simulated GB/T 28181 cameras that register, answer and stream a media file");
  add_sip(app, options.sip, texts);
  add_fleet(app, options.fleet);
  add_catalog(app, options.catalog, texts);
  add_media(app, options.media);
  add_faults(app, options.media, options.call);
  add_life(app, options.life);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  complete(options, texts);
  return options;
}

}  // namespace gbcam
