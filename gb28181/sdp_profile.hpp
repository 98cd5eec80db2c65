// SDP as GB/T 28181-2022 annex G uses it: offers, answers and the lines that only it has (u=, y=,
// f=, downloadspeed, filesize). Both sides: the platform builds offers and reads answers, a device
// (the simulator) the reverse. Protocol notes 8.4-8.7, 13 rows 26-30. Pure.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gb28181/error.hpp"
#include "sip/time.hpp"

namespace gb28181 {

enum class Operation : std::uint8_t { play, playback, download };

// Who opens the media connection, seen from the platform (8.5).
enum class MediaTransport : std::uint8_t {
  udp,
  tcp_passive,  // the platform listens, the device connects
  tcp_active    // the device listens, the platform connects after the 200
};

std::string_view to_string(Operation operation);       // "Play", "Playback", "Download"
std::string_view to_string(MediaTransport transport);  // "udp", "tcp-passive", "tcp-active"
std::optional<MediaTransport> parse_media_transport(std::string_view text);

// a=rtpmap: 96 PS/90000.
struct PayloadFormat {
  std::uint8_t payload_type = 96;
  std::string encoding = "PS";
  std::uint32_t clock_rate_hz = 90000;
  bool operator==(const PayloadFormat&) const = default;
};

// What the platform asks a device to send.
struct MediaOffer {
  Operation operation = Operation::play;
  MediaTransport transport = MediaTransport::udp;
  std::string owner_id;  // o=: who writes the offer
  std::string host;      // c= and o=: an IPv4 or IPv6 address
  std::uint16_t port = 0;
  std::uint32_t ssrc = 0;                  // y=
  std::vector<PayloadFormat> formats{{}};  // PS alone
  std::string source_id;                   // history: u=<source_id>:0
  std::uint64_t start_s = 0;               // history: t=, seconds since 1970
  std::uint64_t end_s = 0;
  unsigned download_speed = 0;       // download: a=downloadspeed, 0 = no line
  std::optional<int> stream_number;  // a=streamnumber (2022): 0 main, 1 sub
  std::vector<std::string> vendor;   // whole a= values for vendor dialects: "streamMode:MAIN"
  bool operator==(const MediaOffer&) const = default;
};

std::string build_offer(const MediaOffer& offer);

// The device's side. Errc::malformed_sdp, unsupported_media. An offer without y= has ssrc 0.
Result<MediaOffer> parse_offer(std::string_view sdp);

enum class Setup : std::uint8_t { none, active, passive };  // a=setup of the author

// What the device promises to send, read tolerantly.
struct MediaAnswer {
  std::string owner_id;
  std::string host;
  std::uint16_t port = 0;  // 9 with setup:active means none
  bool tcp = false;
  Setup setup = Setup::none;
  std::optional<std::uint32_t> ssrc;            // y=; absent when missing or not a number
  std::vector<PayloadFormat> formats;           // at least one
  std::string session_name = "Play";            // s=: devices put anything
  std::optional<std::int64_t> file_size_bytes;  // download: a=filesize; -1 and 0 count as absent
  std::string media_parameters;                 // f= as it came
  // rtpmap names a vendor (HIKVISION, DAHUA): the stream is private and may be undecodable.
  bool vendor_private = false;
  bool operator==(const MediaAnswer&) const = default;
};

// The device's side of the exchange: s=, t= and the payload of the offer are repeated.
std::string build_answer(const MediaOffer& offer, const MediaAnswer& answer);

// Errc::malformed_sdp; media_refused when the port is 0; unsupported_media when there is no format.
Result<MediaAnswer> parse_answer(std::string_view sdp);

// How y= is written: 10 digits.
std::string format_ssrc(std::uint32_t ssrc);

// SSRCs of one domain, 8.7: digit 1 live or history, digits 2-6 = digits 4-8 of the platform's id,
// digits 7-10 a number of which 10 000 exist. A released one rests before it is used again, so that
// a late sender does not enter a new session.
class SsrcAllocator {
 public:
  static constexpr std::size_t count = 10'000;

  // `first` is the number to begin with; another one after each restart keeps streams that the
  // former process left behind apart.
  explicit SsrcAllocator(std::string_view platform_id, unsigned first = 1,
                         sip::Duration rest = std::chrono::seconds(30));

  // Errc::ssrc_exhausted when all are in use or resting.
  Result<std::uint32_t> allocate(Operation operation, sip::TimePoint now);
  void release(std::uint32_t ssrc, sip::TimePoint now);  // one that is not ours is ignored
  std::size_t in_use() const { return kinds_[0].used.count() + kinds_[1].used.count(); }

 private:
  struct Kind {
    std::bitset<count> used;
    std::vector<sip::TimePoint> free_at;  // filled at the first release
    std::size_t next = 1;  // number 0 is not given out: SSRC 0 means "none" to many devices
  };

  std::uint32_t prefix_;  // digits 2-6, times 10 000
  sip::Duration rest_;
  std::array<Kind, 2> kinds_;
};

}  // namespace gb28181
