package prom

import "google.golang.org/protobuf/encoding/protowire"

// The numbers of the fields that are read, from prometheus/prompb.
const (
	fieldSeries = 1 // ChunkedReadResponse.chunked_series

	fieldLabels = 1 // ChunkedSeries.labels
	fieldChunks = 2 // ChunkedSeries.chunks

	fieldLabelName  = 1 // Label.name
	fieldLabelValue = 2 // Label.value

	fieldChunkType = 3 // Chunk.type
	fieldChunkData = 4 // Chunk.data
)

// eachField calls f with every field of a message that is a number or bytes,
// and skips others.
func eachField(message []byte, f func(field int32, number uint64, data []byte) error) error {
	for len(message) > 0 {
		field, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return garbled("message with a bad tag: %w", protowire.ParseError(n))
		}
		message = message[n:]
		var number uint64
		var data []byte
		switch typ {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(field, typ, message)
		}
		if n < 0 {
			return garbled("message with a bad field %d: %w", field, protowire.ParseError(n))
		}
		message = message[n:]
		if typ == protowire.VarintType || typ == protowire.BytesType {
			if err := f(int32(field), number, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachSeries calls f with the encoded series of a ChunkedReadResponse.
func eachSeries(message []byte, f func(series []byte) error) error {
	return eachField(message, func(field int32, _ uint64, data []byte) error {
		if field == fieldSeries {
			return f(data)
		}
		return nil
	})
}

// appendLabels appends the encoded labels of a series to buf, as they came:
// equal bytes are equal labels.
func appendLabels(buf, series []byte) ([]byte, error) {
	err := eachField(series, func(field int32, _ uint64, data []byte) error {
		if field == fieldLabels {
			buf = protowire.AppendBytes(buf, data)
		}
		return nil
	})
	return buf, err
}

// eachLabel calls f with the names and values in what appendLabels made.
func eachLabel(encoded []byte, f func(name, value []byte) error) error {
	for len(encoded) > 0 {
		label, n := protowire.ConsumeBytes(encoded)
		if n < 0 {
			return garbled("bad labels: %w", protowire.ParseError(n))
		}
		encoded = encoded[n:]
		var name, value []byte
		err := eachField(label, func(field int32, _ uint64, data []byte) error {
			switch field {
			case fieldLabelName:
				name = data
			case fieldLabelValue:
				value = data
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
	return nil
}

// eachChunk calls f with the encoding and the data of a series' chunks.
func eachChunk(series []byte, f func(encoding uint64, data []byte) error) error {
	return eachField(series, func(field int32, _ uint64, chunk []byte) error {
		if field != fieldChunks {
			return nil
		}
		var encoding uint64
		var bits []byte
		err := eachField(chunk, func(field int32, number uint64, data []byte) error {
			switch field {
			case fieldChunkType:
				encoding = number
			case fieldChunkData:
				bits = data
			}
			return nil
		})
		if err != nil {
			return err
		}
		return f(encoding, bits)
	})
}
