// One call for media to one channel, from the INVITE to the BYE, as the platform sees it: live
// play, playback or download. GB/T 28181-2022 clauses 9.2, 9.8, 9.9; protocol notes 8.3-8.11.
//
// Pure, as device_session.hpp explains. The SIP layer owns transactions, ACK and retransmission;
// the media layer owns ports; this knows what should happen between them and why it did not.
//
//   idle -start-> inviting -200-> answered -media-> streaming -> ended
// Every failure says what was expected, for how long and what came instead.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gb28181/sdp_profile.hpp"
#include "gb28181/subject.hpp"
#include "sip/time.hpp"

namespace gb28181 {

struct StreamConfig {
  std::chrono::seconds answer_timeout{15};  // INVITE to final answer
  std::chrono::seconds first_media{10};     // 200 OK to the first RTP packet
  std::chrono::seconds media_silence{30};   // between RTP packets; counts not while paused
  std::chrono::seconds paused_limit{600};   // longest pause of a playback
  // tcp_active: annex D wants at least 3 more attempts, a second or more apart.
  unsigned connect_retries = 3;
  std::chrono::seconds connect_pause{1};
};

struct StreamRequest {
  std::string channel_id;       // Request-URI, To, Subject: who sends
  std::string platform_id;      // From, Subject: who receives
  MediaOffer offer;             // complete: address, port, SSRC
  std::string signalling_host;  // the device's SIP source address: second choice for tcp_active
};

namespace stream_action {
// Send INVITE with this SDP and Subject.
struct SendInvite {
  std::string sdp;
  std::string subject;
};
// The 200 has come. Tell the media layer the SSRC and payload types to expect.
struct Answered {
  MediaAnswer answer;
};
// TCP: connect to the device and take media from that connection. Report a failure by
// on_connect_failed().
struct ConnectMedia {
  std::string host;
  std::uint16_t port;
};
// The first RTP packet has been seen after the answer: viewers can be served.
struct Started {};
struct SendCancel {};
struct SendBye {};
// It never started. `status` is what RTSP and HTTP viewers get.
struct Failed {
  int status;
  std::string reason;
};
// It had started and is over.
struct Ended {
  std::string reason;
};
}  // namespace stream_action

using StreamAction =
    std::variant<stream_action::SendInvite, stream_action::Answered, stream_action::ConnectMedia,
                 stream_action::Started, stream_action::SendCancel, stream_action::SendBye,
                 stream_action::Failed, stream_action::Ended>;
using StreamActions = std::vector<StreamAction>;

// The status for RTSP and HTTP viewers when the INVITE was answered with this SIP status: absent
// devices are 503, unknown channels 404, refusals 403, no answer 504, the rest 502 and 503.
int viewer_status(int sip_status);

class StreamSession {
 public:
  enum class State : std::uint8_t { idle, inviting, answered, streaming, ended };

  StreamSession(StreamRequest request, StreamConfig config);

  void start(sip::TimePoint now, StreamActions& out);

  // What the SIP layer knows of the INVITE, for the reasons: where it goes and how often it was
  // sent.
  void note_invite(std::string destination, unsigned transmissions);
  void on_progress(int status, sip::TimePoint now);  // 100, 180, odd ones such as 101
  // 200 OK with its body. After the end (a late 200) it yields BYE.
  void on_answer(std::string_view sdp, sip::TimePoint now, StreamActions& out);
  // Final status >= 300, or 408 / 503 made by the SIP layer; `phrase` is the reason phrase or what
  // went wrong below SIP.
  void on_call_failed(int status, std::string_view phrase, sip::TimePoint now, StreamActions& out);
  // The device sent BYE.
  void on_call_ended(sip::TimePoint now, StreamActions& out);

  // Totals of the session so far. Call at the first packet, then once a second or so; media counts
  // as seen at `now` when packets have grown. Media before the 200 is legal (13 row 31).
  void on_media(std::uint64_t packets, std::uint64_t bytes, sip::TimePoint now, StreamActions& out);
  // A ConnectMedia did not succeed.
  void on_connect_failed(std::string_view why, sip::TimePoint now, StreamActions& out);
  // The media connection was closed by the device.
  void on_media_closed(std::string_view why, sip::TimePoint now, StreamActions& out);
  // A playback was paused or resumed: silence is then expected.
  void set_paused(bool paused, sip::TimePoint now);
  // MediaStatus 121: the file has been sent.
  void on_file_sent(sip::TimePoint now, StreamActions& out);

  // Ends it: BYE or CANCEL as is due, then Ended or Failed(503) with this reason.
  void stop(std::string_view reason, sip::TimePoint now, StreamActions& out);

  void on_deadline(sip::TimePoint now, StreamActions& out);
  sip::TimePoint next_deadline() const;

  State state() const { return state_; }
  const StreamRequest& request() const { return request_; }
  const std::optional<MediaAnswer>& answer() const { return answer_; }
  std::uint64_t packets() const { return packets_; }
  std::string describe() const;

 private:
  void fail(int status, std::string reason, StreamActions& out);
  void end(std::string reason, StreamActions& out);
  void finish();
  void begin_streaming(StreamActions& out);
  void connect(StreamActions& out);
  bool must_connect() const;
  std::string media_place() const;
  std::string no_answer_reason() const;
  std::string no_media_reason() const;
  std::string silence_reason() const;

  StreamRequest request_;
  StreamConfig config_;
  State state_ = State::idle;
  bool paused_ = false;
  int progress_ = 0;  // last provisional status
  unsigned transmissions_ = 0;
  std::string destination_;
  std::optional<MediaAnswer> answer_;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
  unsigned connects_ = 0;
  std::string connect_fault_;
  sip::TimePoint answer_by_ = sip::never;
  sip::TimePoint media_by_ = sip::never;
  sip::TimePoint connect_at_ = sip::never;
};

}  // namespace gb28181
