/** A short quiet tone, made on the spot. */

let context;

/** Plays nothing in a browser that has not been touched yet, nor later, when it would be no news. */
export async function blip() {
  const asked = Date.now();
  context ??= new AudioContext();
  await context.resume();
  if (Date.now() - asked > 2000) return;
  const tone = context.createOscillator();
  const volume = context.createGain();
  const now = context.currentTime;
  tone.frequency.setValueAtTime(660, now);
  tone.frequency.setValueAtTime(880, now + 0.09);
  volume.gain.setValueAtTime(0.0001, now);
  volume.gain.exponentialRampToValueAtTime(0.06, now + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, now + 0.28);
  tone.connect(volume).connect(context.destination);
  tone.start(now);
  tone.stop(now + 0.3);
}
