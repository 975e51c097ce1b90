"use strict";
// The headphone check of Woods, Siegel, Traer and McDermott 2017 (doi:10.3758/s13414-017-1361-2): three tones of 200 Hz,
// one of them 6 dB quieter, one with the channels in antiphase. Over loudspeakers antiphase cancels in the air and
// seems the quietest; over headphones it does not.
const TONE_RATE = 24000;
const TONE_HZ = 200;
const TONE_LEVEL = 0.4;
const RAMP_MS = 100;
const KINDS = ["plain", "quiet", "anti"];

// Six orders, each of the three tones at each place twice, in an order that the rater's id decides.
function toneOrders(study, rater) {
  const random = seeded(`${study.study}/tones/${rater}`);
  const orders = [];
  for (const first of KINDS) {
    const [one, other] = KINDS.filter((kind) => kind !== first);
    orders.push([first, one, other], [first, other, one]);
  }
  const found = [];
  while (found.length < study.headphones.checks) found.push(...shuffled(orders, random));
  return found.slice(0, study.headphones.checks);
}

// The samples of three tones: Int16 of left, right, left, right ...
function toneSamples(order, toneMs, gapMs) {
  const tone = Math.round((toneMs * TONE_RATE) / 1000);
  const gap = Math.round((gapMs * TONE_RATE) / 1000);
  const ramp = Math.min(Math.round((RAMP_MS * TONE_RATE) / 1000), Math.floor(tone / 3));
  const samples = new Int16Array(2 * (order.length * (tone + gap) - gap));
  order.forEach((kind, turn) => {
    const level = TONE_LEVEL * (kind === "quiet" ? 10 ** (-6 / 20) : 1);
    for (let time = 0; time < tone; time += 1) {
      const edge = Math.min(1, time / ramp, (tone - 1 - time) / ramp);
      const gain = level * Math.sin((edge * Math.PI) / 2) ** 2;
      const value = Math.round(32767 * gain * Math.sin((2 * Math.PI * TONE_HZ * time) / TONE_RATE));
      const place = 2 * (turn * (tone + gap) + time);
      samples[place] = value;
      samples[place + 1] = kind === "anti" ? -value : value;
    }
  });
  return samples;
}

// A wav file, 16 bit stereo, as an address that an audio element plays.
function wavAddress(samples) {
  const head = new DataView(new ArrayBuffer(44));
  const text = (place, letters) => [...letters].forEach((letter, at) => head.setUint8(place + at, letter.charCodeAt(0)));
  text(0, "RIFF");
  head.setUint32(4, 36 + samples.byteLength, true);
  text(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, 2, true);
  head.setUint32(24, TONE_RATE, true);
  head.setUint32(28, TONE_RATE * 4, true);
  head.setUint16(32, 4, true);
  head.setUint16(34, 16, true);
  text(36, "data");
  head.setUint32(40, samples.byteLength, true);
  return URL.createObjectURL(new Blob([head, samples], { type: "audio/wav" }));
}
