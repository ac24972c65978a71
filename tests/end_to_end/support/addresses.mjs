// Addresses of clients, of the range that tests have for themselves (RFC 2544).
let count = 0;

// One that nobody in this process had before; there are 65,535.
export function newAddress() {
  count++;
  return `198.18.${count >> 8}.${count & 255}`;
}
