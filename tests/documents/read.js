// Reads a table of a published dataset with the JavaScript client of the Hub and prints its rows, one JSON line each.
import { downloadFile, listFiles } from "@huggingface/hub";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

const [hubUrl, accessToken, name, revision, table] = process.argv.slice(2);
const repo = { type: "dataset", name };
const place = { repo, revision, hubUrl, accessToken };

for await (const entry of listFiles({ ...place, path: `data/${table}`, recursive: true })) {
  const blob = await downloadFile({ ...place, path: entry.path });
  const file = await blob.arrayBuffer();
  for (const row of await parquetReadObjects({ file, compressors })) {
    console.log(JSON.stringify(row, (_, value) => (typeof value === "bigint" ? Number(value) : value)));
  }
}
