//! The bodies of all measurements: 1 to 2 KB, a fresh random file id of 19 digits each.

/// The text in a template that each body replaces by its own file id.
const PLACE: &str = "FILE_ID_OF_19_DIGIT";
/// So many different lengths and contexts.
pub const TEMPLATES: usize = 4096;

/// A small generator: SplitMix64.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Bodies without their file id, and where it belongs in each.
pub struct Templates(Vec<(Vec<u8>, usize)>);

impl Templates {
    /// Templates of different lengths, whose source context is what the function says for their number.
    pub fn naming(mut context: impl FnMut(usize, &mut Random) -> String) -> Self {
        let mut random = Random(1);
        let template = |number| {
            let context = context(number, &mut random);
            template(&context, &mut random)
        };
        Self((0..TEMPLATES).map(template).collect())
    }

    /// The next body, with the number of its template and its file id.
    pub fn body(&self, random: &mut Random) -> (usize, u64, Vec<u8>) {
        let number = random.next() as usize % TEMPLATES;
        let (template, place) = &self.0[number];
        let mut body = template.clone();
        let id = 1_000_000_000_000_000_000 + random.next() % 8_000_000_000_000_000_000;
        body[*place..place + PLACE.len()].copy_from_slice(id.to_string().as_bytes());
        (number, id, body)
    }
}

fn template(context: &str, random: &mut Random) -> (Vec<u8>, usize) {
    let words = "x".repeat(200 + (random.next() % 1000) as usize);
    let text = format!(
        r#"{{"EventType":"NewFileUpload","FileUploadEvent":{{"FileId":"{PLACE}","MediaBasicInfo":{{"Name":"holiday on the island","Description":"{words}","CreateTime":"2026-11-23T07:59:00Z","UpdateTime":"2026-11-23T07:59:02Z","ExpireTime":"9999-12-31T23:59:59Z","ClassId":0,"ClassName":"other","ClassPath":"other","CoverUrl":"","Type":"mp4","MediaUrl":"http://1256768367.vod2.myqcloud.com/3f2a/{PLACE}/f0.mp4","TagSet":[],"StorageRegion":"ap-chongqing","SourceInfo":{{"SourceType":"Upload","SourceContext":"{context}"}},"Vid":""}},"ProcedureTaskId":"","ReviewAudioVideoTaskId":"","MetaData":{{"Size":7700180,"Container":"mov,mp4,m4a,3gp,3g2,mj2","Bitrate":1021028,"Height":480,"Width":640,"Duration":60.04,"Rotate":0,"VideoStreamSet":[{{"Bitrate":637174,"Codec":"h264","Fps":23,"Height":480,"Width":640}}],"AudioStreamSet":[{{"Bitrate":383854,"Codec":"aac","SamplingRate":48000}}]}}}}}}"#
    );
    let place = text.find(PLACE).unwrap();
    (text.into_bytes(), place)
}
