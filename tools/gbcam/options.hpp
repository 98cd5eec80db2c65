// What gbcam was told on its command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "gb28181/charset.hpp"
#include "gb28181/edition.hpp"
#include "sip/address.hpp"
#include "tools/gbcam/impairment.hpp"

namespace gbcam {

using Seconds = std::chrono::duration<double>;

struct SipOptions {
  sip::Address server{sip::IpAddress::loopback(), 5060};
  std::string server_id = "34020000002000000001";
  std::string domain;  // of our URIs; empty: the first ten digits of the server's id
  sip::Transport transport = sip::Transport::udp;
  std::optional<sip::IpAddress> local_ip;  // nothing: what the kernel routes by
  std::uint16_t port = 0;                  // 0: a free one
  std::string user;                        // digest user name; empty: the device's id
  std::string password;
  std::chrono::seconds expires{3600};
  Seconds keepalive{60};
  int keepalive_misses = 3;
  Seconds retry{5};            // after a failed registration
  double register_rate = 200;  // devices per second, at start
  gb28181::Edition edition = gb28181::Edition::y2022;
  bool send_version = true;  // X-GB-Ver
};

struct FleetOptions {
  std::uint32_t devices = 1;
  std::uint32_t channels = 1;
  std::string first_device_id = "34020000001110000001";
  std::string first_channel_id = "34020000001310000001";
  std::uint32_t max_calls = 64;  // of one device; beyond: 486
};

struct CatalogOptions {
  std::uint32_t page = 4;                   // items in one message
  bool at_once = false;                     // do not wait for the 200 of a page
  bool gbk_names = false;                   // names with characters that GB 2312 lacks
  std::optional<gb28181::Charset> charset;  // nothing: by the edition
  std::string declared;  // encoding="..." whatever the bytes are; empty: the truth
};

enum class SsrcFault : std::uint8_t {
  none,
  wrong,    // RTP carries another one than y=
  zero,     // y=0000000000 and 0 in RTP
  missing,  // no y= in the answer
};

// How PS maps are spoilt.
struct MapOptions {
  bool none = false;
  bool once = false;               // only in the first key frame of a call
  bool wrong_type = false;         // says H.265 for H.264 and the reverse
  bool audio_only_in_map = false;  // the map announces sound that never comes
};

enum class StampUnit : std::uint8_t { none, nanoseconds, microseconds };

struct MediaOptions {
  std::string file;
  bool raw_ps = false;
  double fps = 25;
  bool audio = true;
  std::size_t payload_bytes = 1400;
  bool marker = true;
  SsrcFault ssrc = SsrcFault::none;
  MapOptions map;
  StampUnit stamp = StampUnit::none;
  std::int64_t pts_start_90khz = 90000;
  Seconds pts_jump{0};
  Seconds pts_jump_after{5};
  Seconds silence_after{0};  // 0: never
  bool none = false;         // 200 OK and no media at all
  bool early = false;        // from the 200 on, without waiting for ACK
  Faults faults;
};

// What is done when the platform asks for a key frame (IFrameCmd).
enum class KeyOnRequest : std::uint8_t { sent, ignored };

struct CallOptions {
  KeyOnRequest key_on_request = KeyOnRequest::sent;
  int reject = 0;  // status; 0: accept
  bool no_answer = false;
  Seconds answer_after{0};
  Seconds bye_after{0};  // 0: never
};

struct LifeOptions {
  Seconds die_after{0};      // 0: never
  Seconds restart_after{0};  // 0: never
  Seconds restart_pause{5};
  Seconds run_for{0};  // 0: until a signal
  std::string stats_file;
  bool quiet = false;
};

struct Options {
  SipOptions sip;
  FleetOptions fleet;
  CatalogOptions catalog;
  MediaOptions media;
  CallOptions call;
  LifeOptions life;
};

// Reads the command line; prints and exits for --help and for what is wrong or unknown.
Options read_options(int argc, char** argv);

}  // namespace gbcam
